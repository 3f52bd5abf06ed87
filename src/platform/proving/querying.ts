/** What proofs need of a connection: one that is inside the transaction whose snapshot is compared. */
export interface Querying {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: unknown[] }>;
}

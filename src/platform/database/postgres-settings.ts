/**
 * How the embedded server is set, on its command line, so that a data folder never carries settings of an older program.
 * A laptop must be able to spare what they ask for.
 */
export function postgresSettings({ port, durable }: { port: number; durable: boolean }): string[] {
  const settings: Record<string, string> = {
    port: String(port),
    // Nobody but this machine, and no socket file whose path could be too long for the kernel.
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // Programs of several roles, tools and a rebuild at once; an idle slot costs a few kilobytes.
    max_connections: '200',
    // Holds the hot end of a log and its indexes; the operating system caches the rest.
    shared_buffers: '256MB',
    // Room for the sorts and hashes of a rebuild without spilling to disk.
    work_mem: '16MB',
    maintenance_work_mem: '128MB',
    // Full-page images after each checkpoint are most of the write volume under load, so checkpoints are rare.
    max_wal_size: '4GB',
    min_wal_size: '128MB',
    checkpoint_timeout: '15min',
    // Nobody replicates from this server, so nothing is written for those who would.
    wal_level: 'minimal',
    max_wal_senders: '0',
    // Statements here are short: compiling one takes longer than running it.
    jit: 'off',
    // Laptops have SSDs: a random page costs little more than the next one.
    random_page_cost: '1.1',
    log_checkpoints: 'off',
    log_timezone: 'UTC',
    timezone: 'UTC',
    lc_messages: 'C',
    // Never off outside tests: a commit that was answered must survive a power cut.
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '64MB' }),
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

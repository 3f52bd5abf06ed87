import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { runningPostmaster } from './postmaster.js';
import { alone, asAdministrator, startServer, type RunningServer } from './start-server.js';

export interface EmbeddedPostgresOptions {
  /** The data folder of the program; the server gets a few entries in it. */
  readonly folder: string;
  /** Told when the server was lost, when a restart failed, and when it is back. */
  readonly onTrouble?: (sentence: string) => void;
}

const restartMsMax = 5_000;
/** The name under which a process that uses the server is seen by the others. */
const memberName = 'chorus member';

/**
 * A real PostgreSQL in the data folder, shared by every process that uses the folder.
 *
 * The server belongs to none of them. Whoever comes first starts it, whoever comes later, or after all others have crashed,
 * finds it running. Each holds one connection, by which it learns at once that the server was lost and by which the others
 * see it: whoever sees a loss first starts the server again on the same port, and whoever leaves last stops it. A lock on
 * the folder, held only while something is decided, makes them do so one after another.
 */
export class EmbeddedPostgres {
  private membership: pg.Client | undefined;
  private restarting: Promise<void> = Promise.resolve();
  private readonly left = new AbortController();

  private constructor(
    private readonly running: RunningServer,
    private readonly onTrouble: (sentence: string) => void,
  ) {}

  static async join({ folder, onTrouble = () => undefined }: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const embedded = new EmbeddedPostgres(await startServer(folder, { durable: true }), onTrouble);
    await embedded.becomeMember();
    return embedded;
  }

  get url(): string {
    return this.running.server.urlAt(this.running.port, 'chorus');
  }

  async leave(): Promise<void> {
    this.left.abort();
    await this.restarting;
    await this.membership?.end();
    const { server } = this.running;
    await alone(server.path, async () => {
      if (runningPostmaster(server.data) !== undefined && !(await this.othersAreThere())) await server.stop('fast');
    });
  }

  private async becomeMember(): Promise<void> {
    const { server, port } = this.running;
    const connection = new pg.Client({
      connectionString: server.urlAt(port, 'postgres'),
      application_name: memberName,
    });
    // The end of the connection follows every error, and says all there is to say.
    connection.on('error', () => undefined);
    await connection.connect();
    connection.once('end', () => {
      if (!this.left.signal.aborted) this.restarting = this.restart();
    });
    this.membership = connection;
  }

  private async restart(): Promise<void> {
    this.onTrouble('The embedded database was lost; starting it again');
    for (let waitMs = 50; !this.left.signal.aborted; waitMs = Math.min(waitMs * 2, restartMsMax)) {
      try {
        await this.startAgain();
        this.onTrouble('The embedded database is back');
        return;
      } catch (error) {
        this.onTrouble(
          `The embedded database is not back yet: ${error instanceof Error ? error.message : String(error)}`,
        );
        // Leaving cuts the wait short, which is no failure.
        await sleep(waitMs, undefined, { signal: this.left.signal }).catch(() => undefined);
      }
    }
  }

  private async startAgain(): Promise<void> {
    const { server, port } = this.running;
    await alone(server.path, async () => {
      if (runningPostmaster(server.data) === undefined) await server.launch(port);
      await server.ready();
    });
    await this.becomeMember();
  }

  private async othersAreThere(): Promise<boolean> {
    const members = 'select from pg_stat_activity where application_name = $1';
    return asAdministrator(this.running, async (client) => (await client.query(members, [memberName])).rowCount !== 0);
  }
}

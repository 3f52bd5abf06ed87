import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { CannotStart } from '../config/cannot-start.js';
import { FolderLock } from '../database/folder-lock.js';
import { readManifest, writeManifest, type ExportedFile, type Manifest } from './export-manifest.js';
import type { WrittenFile } from './segment.js';

/**
 * Where an export is made, and what is there already.
 *
 *   nothing            `F.partial` is made and written to; when all is there, it becomes F
 *   `F.partial`        an export was interrupted: it goes on behind its last whole segment
 *   F                  complete: more is added only when that is asked for, segment by segment
 *
 * A segment's files are written aside and moved in, one step each, before the manifest names them. So at any moment the manifest
 * tells the truth, and a segment's file that it does not name is a leftover, which the next run removes.
 */
export class ExportFolder implements Disposable {
  private constructor(
    private readonly target: string,
    readonly path: string,
    private readonly lock: FolderLock,
    private current: Manifest,
  ) {}

  static async open(target: string, wanted: Manifest, append: boolean): Promise<ExportFolder> {
    const folder = resolve(target);
    const path = append ? folder : `${folder}.partial`;
    const found = readManifest(path);
    if (append) refuseNothing(folder, found);
    else refuseTaken(folder);
    if (found !== undefined) refuseOther(path, found, wanted);
    mkdirSync(path, { recursive: true });
    const lock = await FolderLock.take(join(path, lockName));
    if (lock === undefined) throw new CannotStart(`Another export is writing to ${path}.`);
    const opened = new ExportFolder(folder, path, lock, { ...(found ?? wanted), complete: false });
    opened.removeLeftovers();
    return opened;
  }

  get manifest(): Manifest {
    return this.current;
  }

  /** Free for whatever is needed on the way. */
  get workshop(): string {
    return join(this.path, workshopName);
  }

  /** Takes in what a segment wrote below `folder`, and where the export stands now. */
  add(folder: string, written: readonly WrittenFile[], stand: Partial<Manifest> & Pick<Manifest, 'position'>): void {
    const { position: after, files } = this.current;
    for (const { path } of written) {
      mkdirSync(dirname(join(this.path, path)), { recursive: true });
      renameSync(join(folder, path), join(this.path, path));
    }
    const added: ExportedFile[] = written.map((file) => ({ ...file, after, up_to: stand.position }));
    const events = this.current.events + added.reduce((sum, file) => sum + file.events, 0);
    this.current = { ...this.current, ...stand, events, files: [...files, ...added] };
    writeManifest(this.path, this.current);
    rmSync(folder, { recursive: true, force: true });
  }

  complete(): void {
    this.current = { ...this.current, complete: true };
    rmSync(this.workshop, { recursive: true, force: true });
    writeManifest(this.path, this.current);
    this.lock.release();
    rmSync(join(this.path, lockName), { force: true });
    if (this.path !== this.target) renameSync(this.path, this.target);
  }

  [Symbol.dispose](): void {
    this.lock.release();
  }

  private removeLeftovers(): void {
    const kept = new Set(this.current.files.map(({ path }) => path));
    for (const entry of readdirSync(this.path, { recursive: true, withFileTypes: true })) {
      const path = relative(this.path, join(entry.parentPath, entry.name));
      if (entry.isFile() && !kept.has(path) && written.test(entry.name)) rmSync(join(this.path, path), { force: true });
    }
    rmSync(this.workshop, { recursive: true, force: true });
    mkdirSync(this.workshop);
  }
}

const lockName = '.export.lock';
const workshopName = '.workshop';
/** What a segment's files are called. Somebody may have put another file beside them. */
const written = /^events-\d{12}(_\d+)?\.(parquet|ndjson|csv)$/;

function refuseTaken(folder: string): void {
  const manifest = readManifest(folder);
  if (manifest !== undefined) {
    throw new CannotStart(
      `${folder} holds an export up to position ${String(manifest.position)}: add what happened since with --append, or name another folder.`,
    );
  }
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() === false) throw new CannotStart(`${folder} is a file: name a folder.`);
  if (found !== undefined && readdirSync(folder).length > 0) {
    throw new CannotStart(`${folder} is not empty, and holds no export: name another folder.`);
  }
}

function refuseNothing(folder: string, found: Manifest | undefined): void {
  if (found === undefined) throw new CannotStart(`There is no export in ${folder} to append to.`);
}

function refuseOther(path: string, found: Manifest, wanted: Manifest): void {
  const shape = ({ format, partitioned_by, selected }: Manifest) => JSON.stringify([format, partitioned_by, selected]);
  if (shape(found) === shape(wanted)) return;
  const partitioning = found.partitioned_by.length === 0 ? 'not partitioned' : `by ${found.partitioned_by.join(',')}`;
  throw new CannotStart(
    `${path} holds an export of another kind: ${found.format}, ${partitioning}, of ${JSON.stringify(found.selected)}. Ask for the same, or name another folder.`,
  );
}

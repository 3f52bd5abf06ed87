import { join } from 'node:path';
import { columnTypes, eventColumns, listOf } from './duck.js';
import type { Manifest } from './export-manifest.js';

/** The events of an export as a query. It reads the files that the manifest names and no others. */
export function exportedEvents(folder: string, manifest: Manifest): string {
  const columns = Object.keys(eventColumns).join(', ');
  if (manifest.files.length === 0) return `select ${emptyColumns} where false`;
  const files = listOf(manifest.files.map(({ path }) => join(folder, path)));
  return `select ${columns} from ${reading(files, manifest)}`;
}

function reading(files: string, { format, partitioned_by: by }: Manifest): string {
  switch (format) {
    // The values in the names of folders tell which files need not be opened.
    case 'parquet':
      return `read_parquet(${files}, hive_partitioning = ${String(by.length > 0)}, hive_types_autocast = false)`;
    case 'ndjson':
      return `(select * replace (data::varchar as data, metadata::varchar as metadata) from read_json(${files},
        format = 'newline_delimited', hive_partitioning = false, maximum_object_size = ${String(lineBytesMax)},
        columns = ${columnTypes.replaceAll(`data: 'VARCHAR'`, `data: 'JSON'`)}))`;
    case 'csv':
      return `read_csv(${files}, header = true, auto_detect = false, delim = ',', quote = '"', escape = '"',
        hive_partitioning = false, max_line_size = ${String(lineBytesMax)}, buffer_size = ${String(lineBytesMax)},
        columns = ${columnTypes})`;
  }
}

/** The largest event that is stored by default has a megabyte, and quoting it twice that. Larger needs more memory to read. */
const lineBytesMax = 16_777_216;

const emptyColumns = Object.entries(eventColumns)
  .map(([column, type]) => `null::${type} as ${column}`)
  .join(', ');

/** The folder of this test run, made by postgres.global-setup and removed when the run ends, however it ends. */
export function testFolder(): string {
  const folder = process.env['CHORUS_TEST_FOLDER'];
  if (folder === undefined) throw new Error('Run tests with `npm test`: the folder of the run is missing.');
  return folder;
}

import TestSequencer from '@jest/test-sequencer';

/**
 * Tests that start whole programs take half a minute each. Begun last, they would run alone while the other workers have nothing
 * left to do.
 */
export default class ProgramsFirst extends TestSequencer {
  sort(tests) {
    const isLong = ({ path }) => Number(programs.test(path));
    return [...super.sort(tests)].sort((one, other) => isLong(other) - isLong(one));
  }
}

const programs =
  /\/app\/(?:cli|program\.\w+)\.spec|\.cli\.int\.spec|backing-up|legacy-import|demo\.e2e|lint-rules|embedded-postgres/;

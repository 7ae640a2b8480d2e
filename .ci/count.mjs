// Prints what a JSON report of vitest says: "N passed, N failed" and ", N skipped" if any.
// A test file that could not be loaded counts as one failed test, and so does a report that is missing.
import { readFileSync } from 'node:fs';

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1 };
  }
}

const report = read(process.argv[2]);
const broken = (report.testResults ?? []).filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
);
const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0);
const counts = [
  `${report.numPassedTests} passed`,
  `${report.numFailedTests + broken.length} failed`,
  ...(skipped > 0 ? [`${skipped} skipped`] : []),
];
console.log(counts.join(', '));

// npm run coverage -- <room>: how much of a room its own tests reach; fails below 95 % of lines or 90 % of branches.
import { spawnSync } from 'node:child_process';

const [room = 'dtls'] = process.argv.slice(2);
const { status } = spawnSync(
  'npx',
  [
    ...['vitest', 'run', `test/${room}`, '--coverage', `--coverage.include=src/${room}/**/*.ts`],
    ...['--coverage.thresholds.lines=95', '--coverage.thresholds.branches=90'],
    ...['--coverage.reporter=text', '--coverage.reportsDirectory=.cache/coverage'],
  ],
  {
    stdio: 'inherit',
    env: { DTLS_FUZZ: '10000', DTLS_HANDSHAKES: '200', DTLS_CHAINS: '480', ...process.env },
  },
);
process.exitCode = status ?? 1;

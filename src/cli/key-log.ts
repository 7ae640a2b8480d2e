import { appendFileSync } from 'node:fs';

/**
 * Appends the secrets of DTLS and TLS to the file that SSLKEYLOGFILE names, for Wireshark. For debugging only: whoever
 * reads that file reads everything.
 * @throws Error when the file cannot be written
 */
export function keyLogOf({ SSLKEYLOGFILE: file }: NodeJS.ProcessEnv): ((line: string) => void) | undefined {
  if (file === undefined || file === '') return undefined;
  const append = (text: string): void => appendFileSync(file, text, { mode: 0o600 });
  append('');
  return (line) => {
    try {
      append(`${line}\n`);
    } catch {
      // A full disk is no reason to end a connection.
    }
  };
}

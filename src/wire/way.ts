import type { ServerAddress } from '../binding/index.ts';
import type { Security } from '../client/index.ts';
import type { ServerConfig } from '../config/index.ts';

type Way = Pick<ServerAddress, 'scheme' | 'host' | 'port' | 'path' | 'security'>;

/** Where a server is reached, and what proves who is who: as the files say, or else as a bootstrap has said. */
export function wayTo({ uri, credentials }: Security, server: Partial<ServerConfig>): Way {
  const isOfFiles = server.scheme === uri.scheme && server.host === uri.host && server.port === uri.port;
  const security = (isOfFiles ? securityOfFiles(server) : undefined) ?? securityOfAccount(credentials);
  return { ...uri, ...(security !== undefined && { security }) };
}

/** With all certificates that the files hold. */
function securityOfFiles({ credentials }: Partial<ServerConfig>): ServerAddress['security'] {
  if (credentials === undefined || !('psk' in credentials)) return credentials;
  const { identity, key } = credentials.psk;
  return { psk: { identity, key: Buffer.from(key, 'hex') } };
}

function securityOfAccount({
  mode,
  identity,
  secretKey,
}: Security['credentials']): ServerAddress['security'] {
  if (mode !== 'psk') return undefined;
  return { psk: { identity: Buffer.from(identity).toString(), key: secretKey } };
}

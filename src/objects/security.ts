/**
 * Resource ids of object 0 v1.2 (OMA Core 1.2.2 E.1) that the gateway follows or refuses. No server ever sees this
 * object. What a server supports (19, 21, 23) its handshake tells as well.
 */
export const SECURITY_RESOURCES = {
  uri: 0,
  isBootstrap: 1,
  mode: 2,
  identity: 3,
  serverPublicKey: 4,
  secretKey: 5,
  shortServerId: 10,
  holdOff: 11,
  accountTimeout: 12,
  matchingType: 13,
  sni: 14,
  certificateUsage: 15,
  cipherSuites: 16,
  oscore: 17,
  groups: 18,
  signatures: 20,
  tls13Features: 22,
  extensions: 24,
} as const;

/** Values of 0/x/2. */
export const SECURITY_MODES = { psk: 0, rpk: 1, certificate: 2, none: 3, est: 4 } as const;

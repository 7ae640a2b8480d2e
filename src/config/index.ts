/** config: YAML files to a typed, frozen configuration, or faults with file, line and column. Knows no object, unit or field protocol. */
export type {
  BootstrapConfig,
  BoxConfig,
  CommandConfig,
  ConnectionConfig,
  CredentialsConfig,
  DecimalText,
  DeviceConfig,
  FirmwareConfig,
  GatewayConfig,
  ObjectMapping,
  PointConfig,
  ProfileConfig,
  RegistrationConfig,
  Representation,
  ResourceMapping,
  ServerConfig,
  Settings,
  StaleAfter,
  TextFile,
  TransmissionConfig,
  UpstreamConfig,
  WriteConfig,
} from './config.ts';
export type { JsonSchema } from './expected.ts';
export type { Fault, Location, Note } from './fault.ts';
export { formatFault } from './fault.ts';
export type { FileSystem } from './files.ts';
export { localFiles } from './files.ts';
export { jsonSchema } from './json-schema.ts';
export type { LoadEnvironment, Loaded } from './load.ts';
export { loadConfig } from './load.ts';
export type { Origin } from './locate.ts';
export type { AdapterKeys } from './protocol.ts';
export type { LoadedRules } from './rules.ts';
export { loadRules } from './rules.ts';

/** gateway: field devices as trees: mapping, units, quality, health, identities. Knows no server. */
export { loadAdapters } from './adapters.ts';
export { rawFromText, textOfRaw } from './by-hand.ts';
export type { CompiledDevice } from './compile.ts';
export { compileDevice } from './compile.ts';
export type { Device } from './device.ts';
export { startDevice } from './device.ts';
export type { Health, HealthRules } from './health.ts';
export type { Identity, Nameable } from './identity.ts';
export { assignIdentities, readIdentities, writeIdentities } from './identity.ts';
export type { CompiledInstance } from './mapping.ts';
export type { Poll } from './polling.ts';
export type { CompiledResource } from './resource.ts';
export type { DeviceSource, MappingFault, PointSource, ProfileSource } from './source.ts';

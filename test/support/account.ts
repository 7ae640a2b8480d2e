import type { Session } from '../../src/client/index.ts';
import { omaRegistry } from '../../src/model/index.ts';
import { type ServerSettings, serverInstance, serverValues } from '../../src/objects/index.ts';
import type { InstanceSetup } from '../../src/tree/index.ts';

/** An instance of Object 1 whose Executes reach a session, of a client without a Bootstrap-Server. */
export function accountInstance(
  settings: ServerSettings,
  session: () => Session,
  instance = 0,
): InstanceSetup {
  const definition = omaRegistry().find(1);
  if (definition === undefined) throw new Error('no object 1');
  return serverInstance(definition, instance, serverValues(settings), {
    updateRegistration: () => session().trigger(),
    disable: () => session().disable(),
    requestBootstrap: () => false,
  });
}

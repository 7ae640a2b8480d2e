#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander';
import { VERSION } from '../version.ts';
import type { ServerName } from '../wire/index.ts';
import { MOST_CAPTURE_MIB } from './capture.ts';
import { check } from './check.ts';
import { connect } from './connect.ts';
import { type DecodeOptions, decode } from './decode.ts';
import { demo } from './demo.ts';
import { facts } from './facts.ts';
import type { FieldOptions } from './field.ts';
import { probe, type ScanRange, scan } from './find.ts';
import { reload, send, tell } from './fleet.ts';
import { type ObjectsOptions, objects } from './objects.ts';
import type { OrderOptions } from './order.ts';
import { describeError, EXIT, terminal } from './output.ts';
import { read, write } from './read.ts';
import { type ReplayCommand, replay } from './replay.ts';
import { run } from './run.ts';
import { schema } from './schema.ts';
import { type SimulateOptions, simulate } from './simulate.ts';
import { type SniffCommand, sniff } from './sniff.ts';
import { devices, health, status } from './status.ts';

const DEFAULT_STATE = '/var/lib/lwm2m-gateway';

/** Ends the process with what the command says, once everything it printed is out. */
function ending<Arguments extends unknown[]>(command: (...given: Arguments) => Promise<number>) {
  return async (...given: Arguments): Promise<void> => {
    try {
      process.exitCode = await command(...given);
    } catch (error) {
      terminal.complain(describeError(error));
      process.exitCode = EXIT.failed;
    }
  };
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds >= 1 && seconds <= 86_400))
    throw new InvalidArgumentError('a number of seconds from 1 to 86400');
  return seconds;
}

function parseWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!(Number.isInteger(number) && number >= least && number <= most))
      throw new InvalidArgumentError(`a whole number from ${least} to ${most}`);
    return number;
  };
}

function parseServer(text: string): number {
  const id = Number(text);
  if (!(Number.isInteger(id) && id >= 1 && id <= 65_534))
    throw new InvalidArgumentError('a Short Server ID from 1 to 65534');
  return id;
}

function parseServerName(text: string): ServerName {
  return text === 'bootstrap' ? text : parseServer(text);
}

const program = new Command('lwm2m-gateway')
  .description('LwM2M 1.2 gateway: makes Modbus meters manageable from any LwM2M server')
  .version(VERSION)
  // Options after a command are its own, so that `objects 3 --version 1.0` is no question for ours.
  .enablePositionalOptions()
  .showHelpAfterError();

const collect = (value: string, before: string[]): string[] => [...before, value];

program
  .command('run')
  .description('run the gateway until SIGTERM')
  .argument('<config>', 'configuration file, e.g. config/gateway.yaml')
  .option('--adapter <package>', 'npm package with another field protocol; may be repeated', collect, [])
  .action(ending((file: string, { adapter }: { adapter: string[] }) => run(file, adapter, terminal)));

program
  .command('check')
  .description('validate a configuration offline; print the object tree of each device and the bus load')
  .argument('<config>', 'configuration file')
  .option('--adapter <package>', 'npm package with another field protocol; may be repeated', collect, [])
  .action(ending((file: string, { adapter }: { adapter: string[] }) => check(file, adapter, terminal)));

program
  .command('connect')
  .description('try the way to one server step by step: handshake, and registration or Bootstrap-Request')
  .argument('<config>', 'configuration file')
  .option('--server <id>', 'a Short Server ID, or bootstrap; the first server otherwise', parseServerName)
  .option('--adapter <package>', 'npm package with another field protocol; may be repeated', collect, [])
  .action(
    ending((file: string, { server, adapter }: { server?: ServerName; adapter: string[] }) =>
      connect(file, server, adapter, terminal),
    ),
  );

program
  .command('schema')
  .description('print the JSON Schema of a configuration file, for editors')
  .argument('[kind]', 'gateway or profile', 'gateway')
  .action(ending((kind: string) => schema(kind, terminal)));

const OWN_OBJECTS = 'folder or XML file with more object definitions; may be repeated';

program
  .command('objects')
  .description('print what is known of LwM2M objects: all, by words in the name, or one by its id')
  .argument('[id or words...]', 'e.g. 10242, or: power meter')
  .option('--version <version>', 'of one object, e.g. 1.0; the newest otherwise')
  .option('--json', 'as JSON', false)
  .option('--ddf', 'as XML that LwM2M servers take', false)
  .option('--objects <path>', OWN_OBJECTS, collect, [])
  .action(ending((words: string[], options: ObjectsOptions) => objects(words, options, terminal)));

program
  .command('decode')
  .description('print what a LwM2M payload says')
  .argument(
    '[hex...]',
    'the payload in hex, JSON or links as they are; without it and --file, hex is read from standard input',
  )
  .requiredOption('--format <format>', 'Content-Format, e.g. 112 or senml-cbor; 40 is link format')
  .option('--path <path>', 'of the request, e.g. /d01/3303/0; needed for tlv, text, opaque, cbor', '/')
  .option('--object-version <version>', 'of the object in the path; the newest otherwise')
  .option('--file <file>', 'the payload as it is, not in hex')
  .option('--objects <path>', OWN_OBJECTS, collect, [])
  .action(ending((hex: string[], options: DecodeOptions) => decode(hex.join(' '), options, terminal)));

program
  .command('facts', { hidden: true })
  .description('make the facts of the OMA registry from a copy of it')
  .argument('<folder>', 'copy of the registry')
  .argument('[target]', 'file to write', 'src/model/oma-facts.ts')
  .action(ending((folder: string, target: string) => facts(folder, target, terminal)));

/** A command for the gateway that runs with this state folder. */
function order(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--state <folder>', 'state folder of the gateway', DEFAULT_STATE)
    .option('--json', 'as JSON', false);
}

order('status', 'print what the running gateway says of itself').action(
  ending((options: OrderOptions) => status(options, terminal)),
);

order('devices', 'print the devices of the running gateway').action(
  ending((options: OrderOptions) => devices(options, terminal)),
);

/** An order that may be about one server only. */
function serverOrder(name: string, description: string): Command {
  return order(name, description).option(
    '--server <id>',
    'only the server with this Short Server ID',
    parseServer,
  );
}

type ServerOptions = OrderOptions & { readonly server?: number };

serverOrder('update', 'let the running gateway tell its servers that it is there').action(
  ending(({ server, ...options }: ServerOptions) => tell('update', server, options, terminal)),
);

serverOrder('offline', 'let the running gateway leave its servers alone; what they observe is stored').action(
  ending(({ server, ...options }: ServerOptions) => tell('offline', server, options, terminal)),
);

serverOrder('online', 'let the running gateway go on with its servers').action(
  ending(({ server, ...options }: ServerOptions) => tell('online', server, options, terminal)),
);

serverOrder('send', 'let the running gateway tell its servers what paths hold now')
  .argument('<path...>', 'e.g. /3/0/13 or /d01/10242/0')
  .action(
    ending((paths: string[], { server, ...options }: ServerOptions) =>
      send(paths, server, options, terminal),
    ),
  );

order('reload', 'let the running gateway read its configuration again; only what changed restarts').action(
  ending((options: OrderOptions) => reload(options, terminal)),
);

program
  .command('health')
  .description('exit with 0 if a gateway runs and answers, for container health checks')
  .option('--state <folder>', 'state folder of the gateway', DEFAULT_STATE)
  .action(ending(({ state }: { state: string }) => health(state, terminal)));

/** A command that speaks with the field itself, without a gateway. */
function fieldCommand(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--config <file>', 'take the device from a configuration; --device is its id then')
    .option('--connection <keys>', 'as in a configuration, e.g. "type: modbus-tcp, host: 192.0.2.15"')
    .option('--device <keys>', 'as in a configuration', 'unit: 1')
    .option('--profile <id>', 'of the device, e.g. eastron/sdm630-v2')
    .option('--profiles <folder>', 'with more profiles; may be repeated', collect, [])
    .option('--adapter <package>', 'npm package with another field protocol; may be repeated', collect, []);
}

const POINTS = 'names of points of the profile, or keys of a point: "table: input, addr: 0, type: float32"';

fieldCommand('read', 'read points of a device; show the bytes on the wire')
  .argument('[points...]', `${POINTS}; all without any`)
  .action(ending((points: string[], options: FieldOptions) => read(points, options, terminal)));

fieldCommand('write', 'write a value to a point, past the guards of its profile; show the bytes on the wire')
  .argument('<point>', POINTS)
  .argument('<value>', 'in the unit of the point')
  .action(
    ending((point: string, value: string, options: FieldOptions) => write(point, value, options, terminal)),
  );

fieldCommand('scan', 'ask every address of a connection who is there')
  .option('--from <address>', 'the first', parseWithin(0, 65_535))
  .option('--to <address>', 'the last', parseWithin(0, 65_535))
  .option('--timeout <ms>', 'how long each may take', parseWithin(10, 60_000), 300)
  .action(ending((options: ScanRange & FieldOptions) => scan(options, options, terminal)));

fieldCommand(
  'probe',
  'find out how a device can be talked to, and in which order its values are written down',
)
  .argument('[points...]', 'keys of points, without --profile')
  .action(ending((points: string[], options: FieldOptions) => probe(points, options, terminal)));

program
  .command('simulate')
  .description('be a device of a profile, on a real medium, until Ctrl-C')
  .argument('<profile>', 'e.g. eastron/sdm630-v2')
  .option('--connection <keys>', 'that it is reached by, instead of --host and --port; for serial lines')
  .option('--device <keys>', 'as in a configuration', 'unit: 1')
  .option('--host <address>', 'to listen at, e.g. 0.0.0.0 for every network; otherwise this computer only')
  .option('--port <port>', 'to listen at; any free one otherwise', parseWithin(1, 65_535))
  .option('--faults <file>', 'what goes wrong with its answers: a YAML file with a list `faults`')
  .option('--set <point=value>', 'in the unit of the point; may be repeated', collect, [])
  .option('--profiles <folder>', 'with more profiles; may be repeated', collect, [])
  .option('--adapter <package>', 'npm package with another field protocol; may be repeated', collect, [])
  .action(ending((profile: string, options: SimulateOptions) => simulate(profile, options, terminal)));

fieldCommand(
  'sniff',
  'show what others say on a medium, and write it down; on sockets as a relay, until Ctrl-C',
)
  .option('--write <file>', 'capture to write; it must not be there')
  .option('--size <MiB>', 'that the capture may have', parseWithin(1, MOST_CAPTURE_MIB), 16)
  .option('--seconds <n>', 'end by itself after so many', parseSeconds)
  .option('--host <address>', 'where a relay listens; otherwise this computer only')
  .option('--port <port>', 'where a relay listens; any free one otherwise', parseWithin(1, 65_535))
  .action(ending((options: SniffCommand) => sniff(options, terminal)));

program
  .command('replay')
  .description('be the devices of a capture until Ctrl-C; or read one of them, and compare')
  .argument('<capture>', 'that sniff has written')
  .option('--profile <id>', 'read all its points of the device, and end')
  .option('--expect <file>', 'what has to be read; is written when it is not there')
  .option('--connection <keys>', 'that it is reached by, instead of --host and --port; for serial lines')
  .option('--device <keys>', 'as in a configuration', 'unit: 1')
  .option('--host <address>', 'to listen at; otherwise this computer only')
  .option('--port <port>', 'to listen at; any free one otherwise', parseWithin(1, 65_535))
  .option('--profiles <folder>', 'with more profiles; may be repeated', collect, [])
  .option('--adapter <package>', 'npm package with another field protocol; may be repeated', collect, [])
  .action(ending((file: string, options: ReplayCommand) => replay(file, options, terminal)));

program
  .command('demo')
  .description('show the gateway at work between simulated meters and a small LwM2M server')
  .option('--seconds <n>', 'end by itself after so many seconds, with a summary', parseSeconds)
  .action(ending(({ seconds }: { seconds?: number }) => demo(seconds, terminal)));

await program.parseAsync();

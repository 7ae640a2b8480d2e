import { z } from 'zod';
import { seconds, text, whole } from './kinds.ts';

/** A program with its arguments, started without a shell. */
function command(example: string) {
  return z
    .tuple([text(example)], text('--quiet'))
    .meta({ title: 'a list of a program and its arguments', examples: [[example]] });
}

const degrees = (most: number) => z.number().min(-most).max(most);

const location = z
  .strictObject({
    latitude: degrees(90).meta({ description: 'Degrees north (WGS 84).', examples: [48.2082] }),
    longitude: degrees(180).meta({ description: 'Degrees east (WGS 84).', examples: [16.3738] }),
    altitude: z
      .exactOptional(z.number().min(-1000).max(20_000))
      .meta({ description: 'Metres.', examples: [171] }),
    radius: z.exactOptional(z.number().min(0).max(100_000)).meta({
      description: 'How exact it is, in metres.',
      examples: [5],
    }),
  })
  .meta({ description: 'Where the box has been mounted (object 6).' });

const firmware = z
  .strictObject({
    install: command('/usr/local/bin/install-firmware').meta({
      description:
        'Installs the package whose file is appended to the arguments. Exit code 0: done; 5: the package is damaged; 6: it is of another type; any other: it failed. It may restart the box: the version after that tells how it went.',
    }),
    verify: z.exactOptional(command('/usr/local/bin/verify-firmware')).meta({
      description: 'Looks at a package before the server hears that it is there; exit codes as for install.',
    }),
    mostBytes: whole(1, 2 ** 31 - 1)
      .prefault(128 * 1024 * 1024)
      .meta({
        description: 'The largest package that is taken.',
      }),
    spareBytes: whole(0, 2 ** 31 - 1)
      .prefault(64 * 1024 * 1024)
      .meta({
        description: 'What a package has to leave free on the disk.',
      }),
    timeout: seconds({ least: '1s', most: '1d', example: '30m' })
      .prefault('30m')
      .meta({ description: 'How long verify and install may take each.' }),
  })
  .meta({ description: 'Firmware of this box (object 5): pushed, or pulled by CoAP, HTTP and HTTPS.' });

/** What the gateway's own objects show of the box, and may do to it. */
export const box = z
  .strictObject({
    location: z.exactOptional(location),
    firmware: z.exactOptional(firmware),
    reboot: z.exactOptional(command('/sbin/reboot')).meta({
      description: 'What Reboot does (3/0/4). Default: the gateway ends with 75, to be started again.',
    }),
    setTime: z.exactOptional(command('/usr/local/bin/set-time')).meta({
      description:
        'Sets the clock to the seconds since 1970 that are appended. Default: servers cannot set it.',
    }),
  })
  .meta({ description: 'The box that the gateway runs on.' });

/** What the clock of a device shows. Months and days count from 1. */
export interface ClockFace {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
  /** Summer time, where the device says so. */
  readonly isSummer: boolean;
}

/** A place on earth, as far as clocks go. */
export interface Zone {
  /**
   * Milliseconds since 1970 at which clocks there show this. Undefined when they never do, as in the hour that spring
   * leaves out, or in winter when the face says that it is summer; and when they do twice, unless the face says so.
   */
  toTime(face: ClockFace): number | undefined;
  toFace(time: number): ClockFace;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** How much clocks are ahead of UTC at a time, ms. */
type OffsetAt = (time: number) => number;

const FIXED = /^([+-])(\d{2}):(\d{2})$/;

/**
 * The zone of a name: `UTC`, `+01:00`, or one of the IANA data base, as `Europe/Berlin`.
 * @returns undefined when nobody knows it
 */
export function zoneOf(name: string): Zone | undefined {
  const [, sign, hours, minutes] = FIXED.exec(name) ?? [];
  if (sign !== undefined) {
    const ahead = (60 * Number(hours) + Number(minutes)) * MINUTE_MS;
    return Number(hours) < 24 && Number(minutes) < 60
      ? zoneBy(() => (sign === '-' ? -ahead : ahead))
      : undefined;
  }
  try {
    return zoneBy(offsetsOf(name));
  } catch {
    // The formatter throws a RangeError for what it does not know.
    return undefined;
  }
}

function offsetsOf(timeZone: string): OffsetAt {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (time) => {
    const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (
      ['year', 'month', 'day', 'hour', 'minute', 'second'] as const
    ).map((type) => parts.get(type) ?? 0);
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(time / 1000) * 1000;
  };
}

function zoneBy(offsetAt: OffsetAt): Zone {
  /** ahead of the winter of that year; January and July are one of each wherever there are both */
  const isSummer = (time: number, offset: number): boolean => {
    const year = new Date(time + offset).getUTCFullYear();
    return offset > Math.min(offsetAt(Date.UTC(year, 0)), offsetAt(Date.UTC(year, 6)));
  };
  return {
    toTime(face) {
      const local = localTime(face);
      if (local === undefined) return undefined;
      // The clocks of a zone change at most once within two days.
      const offsets = new Set([offsetAt(local - DAY_MS), offsetAt(local + DAY_MS)]);
      const times = [...offsets].map((offset) => ({ time: local - offset, offset }));
      const possible = times.filter(({ time, offset }) => offsetAt(time) === offset);
      if (!face.isSummer) return possible.length === 1 ? possible[0]?.time : undefined;
      // A clock that is on summer time when its zone is not stands in another zone.
      return possible.find(({ time, offset }) => isSummer(time, offset))?.time;
    },
    toFace(time) {
      const offset = offsetAt(time);
      const local = new Date(time + offset);
      return {
        year: local.getUTCFullYear(),
        month: local.getUTCMonth() + 1,
        day: local.getUTCDate(),
        hour: local.getUTCHours(),
        minute: local.getUTCMinutes(),
        second: local.getUTCSeconds(),
        millisecond: local.getUTCMilliseconds(),
        isSummer: isSummer(time, offset),
      };
    },
  };
}

/** The face as if it were UTC, or undefined when no calendar has such a day, or no day such a time. */
function localTime(face: ClockFace): number | undefined {
  const { year, month, day, hour, minute, second, millisecond } = face;
  const time = Date.UTC(year, month - 1, day, hour, minute, second, millisecond);
  const date = new Date(time);
  const isReal =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return isReal && millisecond < 1000 ? time : undefined;
}

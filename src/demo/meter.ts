/** Values of a three-phase meter in a house that is lived in; deterministic, so that a demo looks the same each time. */
export interface MeterReading {
  readonly voltages: readonly [number, number, number];
  readonly currents: readonly [number, number, number];
  readonly powers: readonly [number, number, number];
  readonly frequency: number;
  /** kWh since the beginning */
  readonly energy: number;
}

const NOMINAL_V = 230;
const NOMINAL_HZ = 50;

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/**
 * What the meter shows.
 * @param meter number of the meter, from 0
 * @param seconds since the beginning
 */
export function readingAt(meter: number, seconds: number): MeterReading {
  const phase = (index: number): readonly [number, number, number] => {
    const swing = Math.sin(seconds / 7 + index * 2.1 + meter);
    const voltage = round(NOMINAL_V + 2 * swing, 1);
    const current = round(4 + meter + 1.5 * Math.sin(seconds / 5 + index + meter * 0.7), 2);
    return [voltage, current, round(voltage * current, 1)];
  };
  const phases = [phase(0), phase(1), phase(2)] as const;
  const meanW = 3 * NOMINAL_V * (4 + meter);
  return {
    voltages: [phases[0][0], phases[1][0], phases[2][0]],
    currents: [phases[0][1], phases[1][1], phases[2][1]],
    powers: [phases[0][2], phases[1][2], phases[2][2]],
    frequency: round(NOMINAL_HZ + 0.03 * Math.sin(seconds / 11 + meter), 2),
    energy: round(1200 + 310 * meter + (meanW * seconds) / 3_600_000, 2),
  };
}

import { DateTime } from 'luxon';

/**
 * The calendar that everything is reported by, wherever people are: days and months as they begin in Los Angeles, counted from
 * January 1970.
 */
const zone = 'America/Los_Angeles';
const secondsPerDay = 86_400;

export function unixDateOf(unixSeconds: number): number {
  const { year, month, day } = DateTime.fromSeconds(unixSeconds, { zone });
  return DateTime.utc(year, month, day).toSeconds() / secondsPerDay;
}

export function unixMonthOf(unixSeconds: number): number {
  const { year, month } = DateTime.fromSeconds(unixSeconds, { zone });
  return (year - 1970) * 12 + month - 1;
}

/** As `YYYY-MM-DD`. */
export function isoDateOf(unixDate: number): string {
  return DateTime.fromSeconds(unixDate * secondsPerDay, { zone: 'utc' }).toFormat('yyyy-MM-dd');
}

/** As `YYYY-MM`. */
export function isoMonthOf(unixMonth: number): string {
  return DateTime.utc(1970 + Math.floor(unixMonth / 12), (unixMonth % 12) + 1).toFormat('yyyy-MM');
}

/** Undefined for what is no date. */
export function unixDateOfIso(text: string): number | undefined {
  const date = DateTime.fromFormat(text, 'yyyy-MM-dd', { zone: 'utc' });
  return date.isValid ? date.toSeconds() / secondsPerDay : undefined;
}

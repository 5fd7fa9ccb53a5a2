/** The keypad by rows and columns, with their frequencies in Hz (ITU-T Q.23). */
const ROWS = ['123A', '456B', '789C', '*0#D'] as const;
const LOW = [697, 770, 852, 941] as const;
const HIGH = [1209, 1336, 1477, 1633] as const;

/** A key as FreeSWITCH plays it. @param digit one of `0-9*#A-D` */
export function dtmfTone(digit: string, toneMs: number, gapMs: number): string {
  const row = ROWS.findIndex((keys) => keys.includes(digit));
  const column = ROWS[row]?.indexOf(digit) ?? -1;
  return `tone_stream://%(${toneMs},${gapMs},${LOW[row]},${HIGH[column]})`;
}

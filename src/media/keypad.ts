const LOW_HZ = [697, 770, 852, 941] as const;
const HIGH_HZ = [1209, 1336, 1477, 1633] as const;
const KEYPAD = ['123A', '456B', '789C', '*0#D'] as const;

/**
 * The two frequencies of a key, Hz (ITU-T Q.23).
 * @throws RangeError for anything but `0-9*#A-D`
 */
export function keyHz(digit: string): readonly [low: number, high: number] {
  const row = KEYPAD.findIndex((keys) => digit.length === 1 && keys.includes(digit));
  const low = LOW_HZ[row];
  const high = HIGH_HZ[KEYPAD[row]?.indexOf(digit) ?? -1];
  if (low === undefined || high === undefined) throw new RangeError(`not a DTMF digit: '${digit}'`);
  return [low, high];
}

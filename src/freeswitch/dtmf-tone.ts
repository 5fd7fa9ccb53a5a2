import { keyHz } from '../media/keypad.ts';

/** A key as FreeSWITCH plays it. @throws RangeError for anything but `0-9*#A-D` */
export const dtmfTone = (digit: string, toneMs: number, gapMs: number): string =>
  `tone_stream://%(${[toneMs, gapMs, ...keyHz(digit)].join(',')})`;

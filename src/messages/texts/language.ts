import type { PbxVersion } from '../../config/version.ts';

/** Of a PBX: its letters and text messages are in it. */
export type Language = PbxVersion['document']['pbx']['language'];

/** Whom and when a text is for. */
export interface Told {
  readonly language: Language;
  /** IANA name: dates and times are told by its clocks. */
  readonly timezone: string;
}

/** A letter's words. */
export interface LetterText {
  readonly subject: string;
  readonly text: string;
}

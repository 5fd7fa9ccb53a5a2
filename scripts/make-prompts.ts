/**
 * Makes the recordings that no sound pack has: our own prompts (src/media/prompts/<language>/, texts in prompt-texts.ts) and the demo company's audio
 * (schemes/demo/audio/). Run by a developer after a change of the texts, never at set-up; the WAV files are in the repository.
 *
 *   node scripts/make-prompts.ts            needs espeak-ng, sox and, for the demo, asterisk-core-sounds-ru-wav
 *
 * Every file is 8 kHz, 16 bit, mono, without silence around it, and as loud as the packs (−20 dBFS RMS).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PROMPTS } from './prompt-texts.ts';

const VOICES = { ru: 'ru+f2', en: 'en-us+f2' } as const;
const WORDS_PER_MINUTE = '145';
const TELEPHONE = ['-r', '8000', '-b', '16', '-c', '1'];
const RMS_DBFS = -20;
const PEAK_DBFS = -1;
const RU_PACK = '/usr/share/asterisk/sounds/ru_RU_f_IvrvoiceRU';

type Language = keyof typeof VOICES;
const root = join(import.meta.dirname, '..');

const DEMO: Record<string, string> = {
  welcome:
    'Здравствуйте! Вы позвонили в компанию «Ромашка». Чтобы соединиться с отделом продаж, нажмите один. ' +
    'Для технической поддержки нажмите два. Чтобы услышать адрес офиса, нажмите три. ' +
    'Если вы знаете внутренний номер сотрудника, наберите его сейчас.',
  'support-menu':
    'Техническая поддержка. Чтобы поговорить с инженером, нажмите один или оставайтесь на линии. ' +
    'Чтобы соединиться с отделом продаж, нажмите два.',
  address:
    'Наш адрес: город Москва, Садовая улица, дом пять, второй этаж. ' +
    'Мы работаем по будням, с девяти до двадцати одного часа.',
  closed: 'Сейчас наш офис закрыт. Мы работаем по будням, с девяти до двадцати одного часа.',
};

/** Said in a row, from the Russian pack: "nobody can take your call now; please call later". */
const DEMO_FROM_PACK: Record<string, readonly string[]> = { 'no-answer': ['vm-nobodyavail', 'pls-try-call-later'] };

/** espeak-ng reads «к» alone as the letter's name and stresses «по»: written as one word with the next they sound right. */
const speakable = (text: string) => text.replace(/(?<=^|\s)(к|по)\s+/giu, '$1');

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** Level of the whole recording; sox prints its statistics on stderr. */
function rmsDbfs(file: string): number {
  const stats = execFileSync('sh', ['-c', 'sox "$0" -n stats 2>&1', file], { encoding: 'utf8' });
  const found = /^RMS lev dB\s+(-?[\d.]+)/m.exec(stats);
  if (!found) throw new Error(`sox measured nothing in ${file}: ${stats}`);
  return Number(found[1]);
}

function synthesise(language: Language, text: string, to: string, scratch: string): void {
  const spoken = join(scratch, 'spoken.wav');
  const trimmed = join(scratch, 'trimmed.wav');
  run('espeak-ng', '-v', VOICES[language], '-s', WORDS_PER_MINUTE, '-w', spoken, speakable(text));
  // Trims and fades the beginning, then, reversed, the end.
  const edge = (fade: string) => ['silence', '1', '0.005', '0.5%', 'fade', fade, 'reverse'];
  run('sox', '-D', '-G', spoken, ...TELEPHONE, trimmed, 'highpass', '150', ...edge('0.01'), ...edge('0.02'));
  level(trimmed, to);
}

/** Brings a recording to the common level; what would exceed the peak limit is limited, not clipped. */
function level(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const gain = RMS_DBFS - rmsDbfs(from);
  run('sox', '-D', from, '-b', '16', to, 'gain', '-l', (gain - PEAK_DBFS).toFixed(2), 'gain', `${PEAK_DBFS}`);
}

const scratch = mkdtempSync(join(tmpdir(), 'prompts-'));
try {
  for (const language of Object.keys(PROMPTS) as Language[]) {
    for (const [name, text] of Object.entries(PROMPTS[language])) {
      synthesise(language, text, join(root, 'src/media/prompts', language, `${name}.wav`), scratch);
    }
  }
  const audio = join(root, 'schemes/demo/audio');
  for (const [name, text] of Object.entries(DEMO)) synthesise('ru', text, join(audio, `${name}.wav`), scratch);
  for (const [name, parts] of Object.entries(DEMO_FROM_PACK)) {
    const joined = join(scratch, 'joined.wav');
    run('sox', ...parts.map((part) => join(RU_PACK, `${part}.wav`)), joined);
    level(joined, join(audio, `${name}.wav`));
  }
} finally {
  rmSync(scratch, { recursive: true });
}

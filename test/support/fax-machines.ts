import { createFaxTerminal, type FaxTerminal } from '../../src/embedded/media/dsp/fax.ts';
import { isMissing, loadSpandsp } from '../../src/embedded/media/dsp/spandsp.ts';

const FRAME = 160;
const FRAMES_PER_SECOND = 50;

/** Lets two machines hear each other until both are done, or for so long. @param line what becomes of each frame on its way */
export function connect(
  [one, other]: readonly [FaxTerminal, FaxTerminal],
  {
    seconds = 900,
    line = () => undefined,
  }: { seconds?: number; line?: (frame: Int16Array, number: number) => void } = {},
): void {
  const forth = new Int16Array(FRAME);
  const back = new Int16Array(FRAME);
  for (let i = 0; (one.active || other.active) && i < seconds * FRAMES_PER_SECOND; i++) {
    one.send(forth);
    other.send(back);
    line(forth, i);
    line(back, i);
    one.receive(back);
    other.receive(forth);
  }
}

/** As a program of its own, whose files may be limited: `fax-machines.ts <original> <received>` prints how it ended for the one who sends and for the other. */
if (import.meta.main) {
  const [original = '', received = '', ecm] = process.argv.slice(2);
  const spandsp = loadSpandsp();
  if (isMissing(spandsp)) throw new Error(spandsp.missing);
  const common = { stationId: '1', ecm: ecm === 'ecm' };
  const machines = [
    createFaxTerminal(spandsp, { do: 'send', file: original, ...common }),
    createFaxTerminal(spandsp, { do: 'receive', file: received, ...common }),
  ] as const;
  connect(machines);
  console.log(JSON.stringify(machines.map((machine) => machine.close())));
}

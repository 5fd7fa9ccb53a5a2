import type { Employee } from '../config/document.ts';
import type { PbxVersion } from '../config/version.ts';
import type { RingContext, RingResult } from '../dial/ring.ts';
import type { EndReason } from '../end-reason.ts';
import { endReasons } from '../end-reason.ts';
import { tablesOf } from '../scheme/tables.ts';
import { whitherOf } from '../scheme/targets.ts';
import type { Party } from '../sip/port.ts';
import type { Call } from './call.ts';
import { type Route, routeDialled } from './decide.ts';
import { ringContext } from './ring-context.ts';
import { ringOutside } from './ring-outside.ts';

/** For so long a number outside is rung, milliseconds. */
const OUTSIDE_RING_MS = 60_000;

/** A number that one has dialled who talks to somebody. */
export interface Dialled {
  readonly number: string;
  readonly dialler: Employee;
  /** Where it leads, as if his phone had dialled it. */
  readonly route: Route;
}

/** @param employee who has dialled it */
export function dialled(pbx: PbxVersion, employee: string | undefined, number: string): Dialled | undefined {
  const dialler = pbx.employee(employee ?? '');
  if (!dialler) return undefined;
  const { name: display, extension = '', outgoing } = dialler;
  const base = { direction: 'internal', from: extension, display, dialled: number, callerId: outgoing } as const;
  const { route } = routeDialled(pbx, base, { dialled: number, host: domainOf(pbx), dialler });
  return { number, dialler, route };
}

/** Whose extension it is; undefined: it is none of an employee. */
export function employeeDialled(pbx: PbxVersion, { route }: Dialled): Employee | undefined {
  if (route.to !== 'target' || !('extension' in route.target)) return undefined;
  const found = pbx.extension(route.target.extension);
  const whither = found && whitherOf(found);
  return whither && 'employee' in whither ? pbx.employee(whither.employee) : undefined;
}

/** Why a number cannot be called from a conversation. */
export interface Refusal {
  readonly outcome: 'refused';
  /** What is heard of it. */
  readonly audio: string;
  /** What a phone shows that has sent a REFER. */
  readonly status: 403 | 404;
}

/**
 * Rings the third: an employee, or a number outside.
 * @param how.sent who is sent to him, where that is not the one who has dialled: his phone shows that one, and who has sent him (RFC 3892)
 */
export async function callThird(
  call: Call,
  what: Dialled,
  how: { readonly sent?: Party | undefined; readonly onRinging: () => void },
  signal: AbortSignal,
): Promise<RingResult | Refusal> {
  const { pbx, services, timeline } = call;
  const { dialler, route, number } = what;
  const { outgoing } = dialler;
  const host = domainOf(pbx);
  const own: Party = { user: dialler.extension ?? '', display: dialler.name, host };
  const ordinary = ringContext(call);
  const context: RingContext = {
    ...ordinary,
    from: how.sent ?? own,
    fromOrdinary: { user: outgoing.callerId ?? 'anonymous', host, display: '' },
    callerId: outgoing,
    employee: dialler.id,
    headers: { ...ordinary.headers, ...(how.sent && { 'Referred-By': `<sip:${own.user}@${host}>` }) },
    onRinging: how.onRinging,
  };
  switch (route.to) {
    case 'target': {
      const employee = employeeDialled(pbx, what);
      if (!employee) return refused('builtin:error-tone', 404);
      const { timetable } = tablesOf(pbx);
      const limitMs = pbx.document.defaults.employee.ringTime * 1000;
      const log = timeline.asides;
      return services.employees.ring(
        { pbx, timetable, employee, contact: 'asConfigured', limitMs, log, context },
        signal,
      );
    }
    case 'outside': {
      if (!pbx.document.security.transferToExternal) return refused('builtin:transfer-not-allowed', 403);
      const [way] = route.ways;
      const found = services.destinations.through(pbx, route.ways, outgoing.callerId ?? undefined);
      const address = way?.number ?? number;
      const asked = { kind: 'number', id: address, name: '', address } as const;
      return ringOutside(call, asked, { found, context, ringMs: OUTSIDE_RING_MS, log: timeline.asides }, signal);
    }
    case 'nobody':
      return refused(route.announcement ?? 'builtin:number-not-found', 404);
    default:
      return refused('builtin:error-tone', 404);
  }
}

/** What is heard, or shown by a phone, of one who was not reached. */
export function toldOf(
  reached: Exclude<RingResult, { outcome: 'answered' }> | Refusal,
): Omit<Refusal, 'outcome' | 'status'> & { readonly status: number } {
  if (reached.outcome === 'refused') return reached;
  const { reason } = reached;
  return { audio: heardOf(reason), status: endReasons[reason].status };
}

const refused = (audio: string, status: Refusal['status']): Refusal => ({ outcome: 'refused', audio, status });
const domainOf = (pbx: PbxVersion): string => pbx.document.pbx.domains[0] ?? 'invalid';

function heardOf(reason: EndReason): string {
  switch (reason) {
    case 'noAnswer':
      return 'builtin:not-answering';
    case 'busy':
    case 'declined':
    case 'doNotDisturb':
    case 'unavailable':
    case 'employeeUnavailable':
      return 'builtin:number-unavailable';
    default:
      return 'builtin:error-tone';
  }
}

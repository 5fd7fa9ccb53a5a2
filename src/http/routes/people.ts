import type { Employee } from '../../config/document.ts';
import type { PbxVersion } from '../../config/version.ts';
import type { LiveCall, Registration } from '../ports.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Employees, type employeeStates, Registrations } from '../schemas.ts';
import { instant, shownDevice } from '../shown.ts';
import { knownPbx, pbxParameter, type RouteContext } from './context.ts';

/** Phones, and the people behind them. */
export const peopleRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/registrations',
    summary: 'The registered phones, of all nodes',
    parameters: pbxParameter,
    answers: { 200: inJson('By account.', Registrations) },
    async handle({ parameters }) {
      const pbx = knownPbx(context, parameters.pbx);
      return jsonReply((await devicesOf(context, pbx)).map((device) => shownDevice(pbx, device)));
    },
  }),
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/employees',
    summary: 'The employees, with what they are doing',
    parameters: pbxParameter,
    answers: { 200: inJson('In the order of the configuration.', Employees) },
    async handle({ parameters }) {
      const pbx = knownPbx(context, parameters.pbx);
      const devices = Map.groupBy(await devicesOf(context, pbx), ({ account }) => account);
      const calls = context.ports.calls.live(pbx.id);
      return jsonReply(
        pbx.document.employees.map((employee) => {
          const accounts = employee.accounts.map(({ user, domain }) => {
            const account = `${user}@${domain}`;
            return { account, devices: (devices.get(account) ?? []).map((device) => shownDevice(pbx, device)) };
          });
          const registered = accounts.some((account) => account.devices.length > 0);
          const busy = context.ports.busy(pbx.id, employee.id);
          const doing = activity(employee, calls);
          return {
            id: employee.id,
            name: employee.name,
            extension: employee.extension ?? null,
            registered,
            busy,
            state: doing?.state ?? (busy ? 'busy' : registered ? 'free' : 'offline'),
            since: doing ? instant(doing.since) : null,
            call: doing?.call ?? null,
            accounts,
          };
        }),
      );
    },
  }),
];

async function devicesOf({ ports }: RouteContext, pbx: PbxVersion): Promise<Registration[]> {
  const devices = await ports.registrations.list(pbx.id);
  return devices.toSorted((a, b) => (a.account < b.account ? -1 : a.account > b.account ? 1 : b.boundAt - a.boundAt));
}

interface Activity {
  readonly state: (typeof employeeStates)[number];
  readonly since: number;
  readonly call: string;
}

/** The call that tells most about the employee: one that he talks in, else one that rings him, else one that he is making. */
function activity({ id }: Pick<Employee, 'id'>, calls: readonly LiveCall[]): Activity | undefined {
  const found: Activity[] = calls.flatMap((call) => [
    ...call.parties
      .filter((party) => party.kind === 'employee' && party.id === id)
      .map(({ state, since }) => ({ state, since, call: call.id })),
    ...(call.employee === id ? [callersActivity(call)] : []),
  ]);
  const rank = (state: Activity['state']) => ['talking', 'ringing', 'calling'].indexOf(state);
  return found.toSorted((a, b) => rank(a.state) - rank(b.state) || a.since - b.since)[0];
}

const callersActivity = ({ id, stage, since, start }: LiveCall): Activity =>
  stage === 'conversation' ? { state: 'talking', since, call: id } : { state: 'calling', since: start, call: id };

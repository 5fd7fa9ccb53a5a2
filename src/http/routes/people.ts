import { z } from 'zod';
import type { Employee } from '../../config/document.ts';
import type { PbxVersion } from '../../config/version.ts';
import { HttpFailure } from '../failure.ts';
import type { Registration } from '../ports.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Employee as EmployeeForm, Employees, NewStatus, Registrations } from '../schemas.ts';
import { shownDevice, shownEmployee } from '../shown.ts';
import { knownPbx, pbxParameter, type RouteContext } from './context.ts';

const employeeParameters = { ...pbxParameter, id: z.string().describe('Id of an employee.') };

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
    summary: 'The employees, with what they are doing, and whether groups may offer them calls',
    parameters: pbxParameter,
    answers: { 200: inJson('In the order of the configuration.', Employees) },
    async handle({ parameters }) {
      const pbx = knownPbx(context, parameters.pbx);
      return jsonReply(await shown(context, pbx, pbx.document.employees));
    },
  }),
  route({
    method: 'PUT',
    path: '/api/pbxs/{pbx}/employees/{id}/status',
    summary: 'Set the status of an employee',
    parameters: employeeParameters,
    body: NewStatus,
    answers: { 200: inJson('As he is since. "online" ends an exclusion.', EmployeeForm) },
    async handle({ parameters, body: { status, name } }) {
      const pbx = knownPbx(context, parameters.pbx);
      const employee = knownEmployee(pbx, parameters.id);
      await context.ports.acd.setStatus(pbx.id, employee.id, { base: status, name: name ?? status });
      context.log.info({ pbx: pbx.id, employee: employee.id, status, name }, 'status set by the API');
      return jsonReply((await shown(context, pbx, [employee]))[0]);
    },
  }),
  route({
    method: 'POST',
    path: '/api/pbxs/{pbx}/employees/{id}/end-wrap-up',
    summary: 'End the after-call work of an employee, if he does any',
    parameters: employeeParameters,
    answers: { 200: inJson('As he is since.', EmployeeForm) },
    async handle({ parameters }) {
      const pbx = knownPbx(context, parameters.pbx);
      const employee = knownEmployee(pbx, parameters.id);
      await context.ports.acd.setWrapUp(pbx.id, employee.id, 0);
      return jsonReply((await shown(context, pbx, [employee]))[0]);
    },
  }),
];

/** @throws HttpFailure 404 `no-such-employee` */
function knownEmployee(pbx: PbxVersion, id: string): Employee {
  const employee = pbx.employee(id);
  if (employee) return employee;
  throw new HttpFailure(404, {
    code: 'no-such-employee',
    message: `${pbx.id} has no employee "${id}"`,
    hint: `GET /api/pbxs/${pbx.id}/employees lists them.`,
  });
}

async function devicesOf({ ports }: RouteContext, pbx: PbxVersion): Promise<Registration[]> {
  const devices = await ports.registrations.list(pbx.id);
  return devices.toSorted((a, b) => (a.account < b.account ? -1 : a.account > b.account ? 1 : b.boundAt - a.boundAt));
}

async function shown(context: RouteContext, pbx: PbxVersion, employees: readonly Employee[]) {
  const { ports, clock } = context;
  const ids = employees.map(({ id }) => id);
  const [devices, agents] = await Promise.all([devicesOf(context, pbx), ports.acd.agents(pbx.id, ids)]);
  const byAccount = Map.groupBy(devices, ({ account }) => account);
  const calls = ports.calls.live(pbx.id);
  return employees.map((employee, at) =>
    shownEmployee({
      pbx,
      employee,
      agent: agents[at],
      devices: byAccount,
      calls,
      busy: ports.busy(pbx.id, employee.id),
      now: clock.now(),
    }),
  );
}

import { expect, it } from 'vitest';
import { type EmployeeCall, Occupancy, type SharedOccupancy } from '../../../src/dial/occupancy.ts';

const call: EmployeeCall = { pbx: 'acme', employee: 'anna', call: 'c1' };

/** What the other nodes are told, in order. */
class Others implements SharedOccupancy {
  readonly told: string[] = [];
  isFree = true;

  async rings({ employee }: EmployeeCall): Promise<boolean> {
    this.told.push(`rings ${employee}`);
    return this.isFree;
  }
  calls({ employee }: EmployeeCall): void {
    this.told.push(`calls ${employee}`);
  }
  talks({ employee }: EmployeeCall, answered: boolean): void {
    this.told.push(`talks ${employee} ${answered}`);
  }
  over({ employee }: EmployeeCall): void {
    this.told.push(`over ${employee}`);
  }
}

it('tells all nodes what an employee does in a call that no group has given him, each once', async () => {
  const others = new Others();
  const occupancy = new Occupancy(others);
  const rung = await occupancy.rings(call);
  expect(occupancy.busy('acme', 'anna')).toBe(true);
  rung?.talks(true);
  rung?.over();
  rung?.over();
  rung?.talks(true);
  expect(occupancy.size).toBe(0);
  const calling = occupancy.calls(call);
  calling.talks(false);
  calling.over();
  expect(others.told).toEqual([
    ...['rings anna', 'talks anna true', 'over anna'],
    ...['calls anna', 'talks anna false', 'over anna'],
  ]);
});

it('does not ring one who is busy here, without asking, nor one who is busy elsewhere', async () => {
  const others = new Others();
  const occupancy = new Occupancy(others);
  const release = occupancy.occupy('acme', 'anna');
  expect(await occupancy.rings(call)).toBeUndefined();
  expect(others.told).toEqual([]);
  release();
  others.isFree = false;
  expect(await occupancy.rings(call)).toBeUndefined();
  expect(occupancy.busy('acme', 'anna')).toBe(false);
});

it('takes him on this node before it asks the others: a second call in the same moment finds him busy', async () => {
  const occupancy = new Occupancy(new Others());
  const [one, two] = await Promise.all([occupancy.rings(call), occupancy.rings({ ...call, call: 'c2' })]);
  expect(one).toBeDefined();
  expect(two).toBeUndefined();
});

it('one who hangs up before his talk was noted has answered, and is free', async () => {
  const others = new Others();
  const occupancy = new Occupancy(others);
  const rung = await occupancy.rings(call);
  rung?.over();
  rung?.talks(true);
  expect(others.told).toEqual(['rings anna', 'over anna', 'talks anna true', 'over anna']);
  expect(occupancy.size).toBe(0);
});

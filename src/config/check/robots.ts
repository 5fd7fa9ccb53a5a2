import type { CheckedPbx, Finding, Rule } from './rule.ts';

/** §4.4.6.3: in a group a robot can only be one of those who are rung. */
export const robots: Rule = {
  codes: ['robot-supervisor'],
  *check({ document }: CheckedPbx): Iterable<Finding> {
    for (const [index, { id, robot, supervises }] of document.employees.entries()) {
      const [group] = supervises;
      if (!robot || group === undefined) continue;
      yield {
        code: 'robot-supervisor',
        path: ['employees', index, 'supervises', 0],
        message: `"${id}" is a robot, and cannot supervise group "${group}"`,
        hint: 'Let a person supervise it. A robot can be one of its members.',
      };
    }
  },
};

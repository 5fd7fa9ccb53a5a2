import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { State, Transition } from '../../src/scheme/chart.ts';
import type { CompiledScheme } from '../../src/scheme/compile.ts';
import { anywhere, type Graph, graphOf, type Node } from '../../src/scheme/graph.ts';
import { mermaid } from '../../src/scheme/mermaid.ts';
import { schemesOf } from '../../src/scheme/schemes.ts';
import { generatedPbx } from '../support/generated-scheme.ts';
import { readDiagram } from '../support/mermaid-grammar.ts';

const allNodes = ({ nodes }: Graph): Node[] =>
  nodes.flatMap((node) => [node, ...(node.inside ? allNodes(node.inside) : [])]);
const allArrows = ({ nodes, arrows }: Graph): Graph['arrows'] => [
  ...arrows,
  ...nodes.flatMap(({ inside }) => (inside ? allArrows(inside) : [])),
];
const allStates = (states: Readonly<Record<string, State>>): State[] =>
  Object.values(states).flatMap((state) => [state, ...allStates(state.states ?? {})]);

/** Where a transition leads: to its target, or, where that is only the end of this scheme's part, to who goes on with the call. */
const endsElsewhere = ({ guard, actions = [] }: Transition): boolean =>
  guard?.type === 'dealtWith' || actions.some(({ type }) => ['goOn', 'goOnDialled', 'goOnSent'].includes(type));

describe('the graph of any generated scheme', () => {
  const schemes = (check: (compiled: CompiledScheme, graph: Graph) => void) =>
    fc.assert(
      fc.property(generatedPbx, (pbx) => {
        for (const { id } of pbx.document.schemes) {
          const compiled = schemesOf(pbx).get(id) as CompiledScheme;
          check(compiled, graphOf(compiled));
        }
      }),
      { numRuns: 30 },
    );

  it('every state is there once, and what is there besides is an end of the scheme', () => {
    schemes(({ chart }, graph) => {
      const ids = allNodes(graph).map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      const states = allNodes(graph).flatMap(({ id, kind }) => (kind === 'state' ? [id] : []));
      expect(states.toSorted()).toEqual(
        allStates(chart.states)
          .map(({ id }) => id)
          .toSorted(),
      );
    });
  }, 60_000);

  it('every transition of the machine has an arrow, every arrow a transition, and none dangles', () => {
    schemes(({ machine, chart }, graph) => {
      const known = new Map(allNodes(graph).map(({ id, kind }) => [id, kind]));
      const drawn = new Set<string>();
      for (const { from, to } of allArrows(graph)) {
        for (const end of [from, to]) if (end !== undefined) expect(known.has(end), end).toBe(true);
        if (from !== undefined && to !== undefined) drawn.add(`${from} → ${to}`);
      }
      const wanted = new Set<string>();
      // XState's own reading of the chart, not ours: what the machine would do.
      for (const node of [machine.root, ...allStates(chart.states).map(({ id }) => machine.getStateNodeById(id))]) {
        const from = node === machine.root ? anywhere : node.id;
        for (const { eventType, target = [], guard, actions } of [
          ...node.transitions.values(),
          node.always ?? [],
        ].flat()) {
          if (eventType === 'password') continue;
          const elsewhere = endsElsewhere({ guard, actions } as unknown as Transition);
          for (const { id } of target) {
            if (!elsewhere) wanted.add(`${from} → ${id}`);
            else
              expect(allArrows(graph).some((arrow) => arrow.from === from && known.get(arrow.to ?? '') === 'end')).toBe(
                true,
              );
          }
        }
      }
      const ways = [...drawn].filter((arrow) => known.get(arrow.split(' → ')[1] ?? '') !== 'end');
      // The way into a state's first inner one is its own, not a transition.
      const begins = new Set(
        allStates(chart.states).flatMap(({ id, initial, states }) =>
          states && initial !== undefined ? [`${id} → ${states[initial]?.id}`] : [],
        ),
      );
      expect([...wanted].filter((way) => !drawn.has(way))).toEqual([]);
      expect(ways.filter((way) => !wanted.has(way) && !begins.has(way))).toEqual([]);
    });
  }, 60_000);

  it('is a diagram that Mermaid reads as it is meant', () => {
    schemes((_, graph) => {
      const { states, arrows } = readDiagram(mermaid(graph));
      expect(states.size).toBe(allNodes(graph).length);
      expect(arrows.length).toBe(allArrows(graph).length);
    });
  }, 60_000);
});

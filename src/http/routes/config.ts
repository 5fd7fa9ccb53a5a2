import { z } from 'zod';
import { isError } from '../../config/issue.ts';
import { redacted } from '../../config/redact.ts';
import { HttpFailure } from '../failure.ts';
import { inJson, jsonReply, type Route, route } from '../route.ts';
import { Check, Config, Pbxs, Reload } from '../schemas.ts';
import { knownPbx, pbxParameter, type RouteContext } from './context.ts';

export const configRoutes = (context: RouteContext): Route[] => [
  route({
    method: 'GET',
    path: '/api/pbxs',
    summary: 'All PBXs of the node',
    answers: { 200: inJson('In the order of their files.', Pbxs) },
    handle: () =>
      jsonReply(
        context.ports.config.all().map(({ id, version, document: { pbx } }) => ({
          id,
          name: pbx.name,
          version,
          domains: pbx.domains,
        })),
      ),
  }),
  route({
    method: 'GET',
    path: '/api/pbxs/{pbx}/config',
    summary: 'The configuration in force, or another version that calls have used; without its secrets',
    parameters: pbxParameter,
    query: {
      version: z
        .string()
        .min(1)
        .optional()
        .describe('"configVersion" of a call that has ended. Default: the version in force.'),
    },
    answers: { 200: inJson('The whole document.', Config) },
    async handle({ parameters, query }) {
      const pbx = knownPbx(context, parameters.pbx);
      const { version = pbx.version } = query;
      const document =
        version === pbx.version ? redacted(pbx.document) : await context.ports.versions.get(pbx.id, version);
      if (document) return jsonReply({ pbx: pbx.id, version, document });
      throw new HttpFailure(404, {
        code: 'no-such-version',
        message: `Version "${version}" of ${pbx.id} has not been kept`,
        hint: 'A version is kept for as long as the history has calls that used it.',
      });
    },
  }),
  route({
    method: 'POST',
    path: '/api/pbxs/{pbx}/reload',
    summary: 'Read the configuration folder again, and take it into use',
    parameters: pbxParameter,
    answers: { 200: inJson('Taken whole, or not at all. Calls in progress keep what they began with.', Reload) },
    async handle({ parameters }) {
      const { id } = knownPbx(context, parameters.pbx);
      const { accepted, issues } = await context.ports.config.reload();
      return jsonReply({ accepted, version: context.ports.config.current(id)?.version ?? null, issues });
    },
  }),
  route({
    method: 'POST',
    path: '/api/pbxs/{pbx}/check',
    summary: 'Read the configuration folder, and tell what is wrong with it',
    parameters: pbxParameter,
    answers: { 200: inJson('Nothing was taken into use.', Check) },
    async handle({ parameters }) {
      knownPbx(context, parameters.pbx);
      const { issues } = await context.ports.checkConfig();
      return jsonReply({ ok: !issues.some(isError), issues });
    },
  }),
];

import { isError } from '../../config/issue.ts';
import { redacted } from '../redact.ts';
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
    summary: 'The configuration in force, without its secrets',
    parameters: pbxParameter,
    answers: { 200: inJson('The whole document.', Config) },
    handle({ parameters }) {
      const pbx = knownPbx(context, parameters.pbx);
      return jsonReply({ pbx: pbx.id, version: pbx.version, document: redacted(pbx.document) });
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

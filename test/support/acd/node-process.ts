/**
 * A node in a process of its own, to be killed: `node node-process.ts <socket> <password> <pbx>`. Puts a few callers into the queue of `sales`, answers the
 * first of them, takes an agent into a call of his own, and says `ready`.
 */
import { RedisConnection } from '../../../src/redis/connection.ts';
import { socketAddress } from '../../../src/redis/index.ts';
import { pbxOf } from '../pbx.ts';
import { Station } from './station.ts';

const [socket = '', password = '', document = ''] = process.argv.slice(2);
const station = await Station.open(
  await RedisConnection.open(socketAddress(socket, password)),
  pbxOf(JSON.parse(document)),
  'doomed',
);
await station.node.beginCall('clara', 'own', { talks: true });
const first = await station.enter({ number: '79990000001' });
await station.node.answer(await first.offer());
const second = await station.enter({ number: '79990000002' });
await second.offer();
await station.enter({ number: '79990000003' });
console.log('ready');

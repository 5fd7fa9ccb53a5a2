/** The clock that a test moves. */
export { SimulatedClock as FakeClock, settle } from '../../src/time/simulated-clock.ts';

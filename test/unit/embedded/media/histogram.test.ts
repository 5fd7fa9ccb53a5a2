import { expect, it } from 'vitest';
import { LatenessHistogram, merge, quantiles } from '../../../../src/embedded/media/histogram.ts';

it('has no quantiles before anything was recorded', () => {
  expect(quantiles(new LatenessHistogram().lastMinute(0))).toBeUndefined();
});

it('gives quantiles within a quarter of a millisecond', () => {
  const histogram = new LatenessHistogram();
  for (let i = 1; i <= 1000; i++) histogram.record(i / 100, 0);
  expect(quantiles(histogram.lastMinute(0))).toEqual({ p50: 5.25, p99: 10, max: 10 });
});

it('never gives more than the maximum, and that exactly, however late it was', () => {
  const histogram = new LatenessHistogram();
  histogram.record(0.1, 0);
  expect(quantiles(histogram.lastMinute(0))).toEqual({ p50: 0.1, p99: 0.1, max: 0.1 });
  for (let i = 0; i < 10; i++) histogram.record(777, 0);
  expect(quantiles(histogram.lastMinute(0))).toEqual({ p50: 777, p99: 777, max: 777 });
});

it('forgets after a minute', () => {
  const histogram = new LatenessHistogram();
  histogram.record(9, 1_000);
  histogram.record(1, 45_000);
  expect(quantiles(histogram.lastMinute(59_000))?.max).toBe(9);
  expect(quantiles(histogram.lastMinute(65_000))?.max).toBe(1);
  histogram.record(2, 61_000);
  expect(quantiles(histogram.lastMinute(62_000))?.max).toBe(2);
  expect(quantiles(histogram.lastMinute(200_000))).toBeUndefined();
});

it('adds up what several threads recorded', () => {
  const parts = [1, 3].map((ms) => {
    const histogram = new LatenessHistogram();
    for (let i = 0; i < 100; i++) histogram.record(ms, 0);
    return histogram.lastMinute(0);
  });
  expect(quantiles(merge(parts))).toEqual({ p50: 1.25, p99: 3, max: 3 });
});

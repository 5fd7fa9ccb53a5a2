/** The value of `key`, made on the first request. */
export function remember<K, V>(cache: Cache<K, V>, key: K, make: () => V): V {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  return made;
}

type Cache<K, V> = { get(key: K): V | undefined; set(key: K, value: V): unknown };

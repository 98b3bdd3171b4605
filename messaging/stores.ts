/** The stores beside sqlite; apart from the rest, because each brings a driver that only its users should load. */
export type { KeyValueStore } from './store/key-value-store.ts'
export { openLmdb, type LmdbOptions } from './store/lmdb/lmdb-store.ts'
export { openPostgres, type PostgresOptions } from './store/postgres.ts'
export { openRedis, readRedisOptions, type RedisOptions } from './store/redis/redis-store.ts'

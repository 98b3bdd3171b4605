export type { Origin, Property, PropertySource, Scalar } from './types.ts'

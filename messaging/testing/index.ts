/** For tests of what is built on messaging: services in one process, virtual time, a bus that fails by a seed. */
export { createWorld, TestWorld } from './create-world.ts'
export type { BusNode } from './bus-node.ts'
export type { DeliveryHarm } from './deliveries.ts'
export type { HttpAnswer, HttpRequest } from './http-door.ts'
export type { KeyValueDisk } from './key-value-disk.ts'
export type { CrashKind } from './machine.ts'
export type { NetworkHarm } from './network.ts'
export type { Answer, Answers, Reply } from './participant.ts'
export { becomeQuiet, whatMoves } from './quiet.ts'
export { createRandom, type Random } from './random.ts'
export { SagaProbe, type SagaFacts } from './saga-probe.ts'
export { Service } from './service.ts'
export type { SqliteDisk } from './sqlite-disk.ts'
export {
  ServiceNode, type AnyService, type BesideWork, type Host, type ServiceDefinition, type ServiceParts
} from './service-node.ts'
export { World, type Harm, type LogLine, type SentMessage, type WorldOptions } from './world.ts'

/** For tests of what is built on messaging. */
export { createRandom, type Random } from './random.ts'

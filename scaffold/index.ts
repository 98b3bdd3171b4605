/** Makes projects and parts of projects from templates. */
export { addPlugin, addRoute, addSaga, addService } from './add.ts'
export { ScaffoldError } from './scaffold-error.ts'
export { createProject, KINDS, type Kind, type ProjectOptions } from './project.ts'

export { runLab, type LabOptions, type LabResult } from './lab.ts'

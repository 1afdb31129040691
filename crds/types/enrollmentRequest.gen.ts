// Generated from crds/v1alpha1/enrollmentRequest.yaml by `npm run generate`. Do not edit.
import type { Condition, ObjectMeta } from '../meta.js';
import type { LabelSelector } from '../selectors.js';

export type { Condition, LabelSelector };

/**
 * An agent that announced itself and waits to become a Host.
 */
export interface EnrollmentRequest {
apiVersion: string
kind: string
metadata: ObjectMeta
spec: EnrollmentRequestSpec
status?: EnrollmentRequestStatus
}
export interface EnrollmentRequestSpec {
hostname: string
os: ("linux" | "windows")
arch: ("amd64" | "arm64")
agentVersion?: string
resticVersion?: string
/**
 * The agent's raw Ed25519 public key, base64.
 */
publicKey: string
/**
 * Set by a person to turn the agent away.
 */
denied?: boolean
}
export interface EnrollmentRequestStatus {
phase?: ("Pending" | "Enrolled" | "Denied" | "Expired")
fingerprint?: string
sourceIP?: string
/**
 * Another host or request has this hostname.
 */
hostnameCollision?: boolean
expiresTime?: string
hostRef?: EnrollmentRequestHostRef
/**
 * The generation of the spec that the conditions speak of.
 */
observedGeneration?: number
conditions?: Condition[]
}
/**
 * The Host it became.
 */
export interface EnrollmentRequestHostRef {
name: string
}

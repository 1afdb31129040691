// Generated from crds/v1alpha1 by `npm run generate`. Do not edit.
import type { CustomResourceDefinition } from '../crd.js';

/** Every CustomResourceDefinition of this build by kind. */
export const crds: Record<'EnrollmentRequest' | 'Host' | 'Repository' | 'ResticJob' | 'Schedule' | 'SourceGroup', CustomResourceDefinition> = {
 "EnrollmentRequest": {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "enrollmentrequests.restic-manager.io"
  },
  "spec": {
   "group": "restic-manager.io",
   "scope": "Namespaced",
   "names": {
    "kind": "EnrollmentRequest",
    "listKind": "EnrollmentRequestList",
    "plural": "enrollmentrequests",
    "singular": "enrollmentrequest",
    "shortNames": [
     "enr"
    ],
    "categories": [
     "restic"
    ]
   },
   "versions": [
    {
     "name": "v1alpha1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "additionalPrinterColumns": [
      {
       "name": "Hostname",
       "type": "string",
       "jsonPath": ".spec.hostname"
      },
      {
       "name": "OS",
       "type": "string",
       "jsonPath": ".spec.os"
      },
      {
       "name": "Fingerprint",
       "type": "string",
       "jsonPath": ".status.fingerprint"
      },
      {
       "name": "Phase",
       "type": "string",
       "jsonPath": ".status.phase"
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp"
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "description": "An agent that announced itself and waits to become a Host.",
       "type": "object",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 63",
         "message": "metadata.name must be a DNS label of at most 63 characters (lower case letters, digits and '-')"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string"
        },
        "kind": {
         "type": "string"
        },
        "metadata": {
         "type": "object"
        },
        "spec": {
         "type": "object",
         "required": [
          "hostname",
          "os",
          "arch",
          "publicKey"
         ],
         "x-kubernetes-validations": [
          {
           "rule": "self.publicKey == oldSelf.publicKey && self.hostname == oldSelf.hostname && self.os == oldSelf.os && self.arch == oldSelf.arch",
           "message": "only denied may change"
          }
         ],
         "properties": {
          "hostname": {
           "type": "string",
           "minLength": 1,
           "maxLength": 253
          },
          "os": {
           "type": "string",
           "enum": [
            "linux",
            "windows"
           ]
          },
          "arch": {
           "type": "string",
           "enum": [
            "amd64",
            "arm64"
           ]
          },
          "agentVersion": {
           "type": "string",
           "maxLength": 64
          },
          "resticVersion": {
           "type": "string",
           "maxLength": 64
          },
          "publicKey": {
           "type": "string",
           "pattern": "^[A-Za-z0-9+/]{43}=$",
           "maxLength": 44,
           "description": "The agent's raw Ed25519 public key, base64."
          },
          "denied": {
           "type": "boolean",
           "description": "Set by a person to turn the agent away."
          }
         }
        },
        "status": {
         "type": "object",
         "properties": {
          "phase": {
           "type": "string",
           "enum": [
            "Pending",
            "Enrolled",
            "Denied",
            "Expired"
           ]
          },
          "fingerprint": {
           "type": "string",
           "maxLength": 50,
           "pattern": "^SHA256:[A-Za-z0-9+/]{43}$"
          },
          "sourceIP": {
           "type": "string",
           "maxLength": 64
          },
          "hostnameCollision": {
           "type": "boolean",
           "description": "Another host or request has this hostname."
          },
          "expiresTime": {
           "type": "string",
           "format": "date-time"
          },
          "hostRef": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "The Host it became.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 63,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
            }
           }
          },
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation of the spec that the conditions speak of."
          },
          "conditions": {
           "type": "array",
           "maxItems": 16,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "items": {
            "type": "object",
            "required": [
             "type",
             "status",
             "lastTransitionTime",
             "reason",
             "message"
            ],
            "properties": {
             "type": {
              "type": "string",
              "maxLength": 316
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ]
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "minimum": 0
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time"
             },
             "reason": {
              "type": "string",
              "minLength": 1,
              "maxLength": 1024
             },
             "message": {
              "type": "string",
              "maxLength": 32768
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 "Host": {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "hosts.restic-manager.io"
  },
  "spec": {
   "group": "restic-manager.io",
   "scope": "Namespaced",
   "names": {
    "kind": "Host",
    "listKind": "HostList",
    "plural": "hosts",
    "singular": "host",
    "categories": [
     "restic"
    ]
   },
   "versions": [
    {
     "name": "v1alpha1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "additionalPrinterColumns": [
      {
       "name": "Status",
       "type": "string",
       "jsonPath": ".status.phase"
      },
      {
       "name": "OS",
       "type": "string",
       "jsonPath": ".status.agent.os"
      },
      {
       "name": "Agent",
       "type": "string",
       "jsonPath": ".status.agent.version"
      },
      {
       "name": "Restic",
       "type": "string",
       "jsonPath": ".status.agent.resticVersion"
      },
      {
       "name": "Last Backup",
       "type": "date",
       "jsonPath": ".status.lastBackup.time"
      },
      {
       "name": "Result",
       "type": "string",
       "jsonPath": ".status.lastBackup.result"
      },
      {
       "name": "Next",
       "type": "string",
       "jsonPath": ".status.nextBackup"
      },
      {
       "name": "Fingerprint",
       "type": "string",
       "jsonPath": ".spec.enrollment.fingerprint",
       "priority": 1
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp"
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "description": "A machine that is backed up by an agent.",
       "type": "object",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 63",
         "message": "metadata.name must be a DNS label of at most 63 characters (lower case letters, digits and '-')"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string"
        },
        "kind": {
         "type": "string"
        },
        "metadata": {
         "type": "object"
        },
        "spec": {
         "type": "object",
         "x-kubernetes-validations": [
          {
           "rule": "(has(self.snapshotHost) ? self.snapshotHost : '') == (has(oldSelf.snapshotHost) ? oldSelf.snapshotHost : '')",
           "message": "snapshotHost is immutable (snapshots are found by it)"
          }
         ],
         "properties": {
          "displayName": {
           "type": "string",
           "maxLength": 253,
           "description": "Name shown to people; default metadata.name."
          },
          "presence": {
           "type": "string",
           "enum": [
            "AlwaysOn",
            "Intermittent"
           ],
           "default": "AlwaysOn",
           "description": "Intermittent hosts (laptops) may be away; they are asleep then and catch up on return."
          },
          "suspend": {
           "type": "boolean",
           "description": "No scheduled run starts and no job is offered while true."
          },
          "repositoryRef": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "The Repository this host backs up to; default the Repository of the same name.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 63,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
            }
           }
          },
          "snapshotHost": {
           "type": "string",
           "minLength": 1,
           "maxLength": 253,
           "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
           "description": "restic's --host; default the object's name. Immutable, unique per repository."
          },
          "bandwidth": {
           "type": "object",
           "description": "Limits for every restic call of this host.",
           "properties": {
            "uploadKiBps": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 1073741824,
             "description": "KiB per second."
            },
            "downloadKiBps": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 1073741824,
             "description": "KiB per second."
            }
           }
          },
          "hooks": {
           "type": "object",
           "description": "Scripts around each backup of groups that have none of their own.",
           "properties": {
            "pre": {
             "type": "object",
             "required": [
              "secretKeyRef"
             ],
             "description": "Script run before the backup, from a Secret labelled restic-manager.io/use: hook; when it fails or cannot be read nothing is backed up.",
             "properties": {
              "secretKeyRef": {
               "type": "object",
               "required": [
                "name",
                "key"
               ],
               "properties": {
                "name": {
                 "type": "string",
                 "minLength": 1,
                 "maxLength": 253,
                 "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
                },
                "key": {
                 "type": "string",
                 "minLength": 1,
                 "maxLength": 253,
                 "pattern": "^[-._a-zA-Z0-9]+$"
                }
               }
              }
             }
            },
            "post": {
             "type": "object",
             "required": [
              "secretKeyRef"
             ],
             "description": "Script run after the backup, however it ended; its failure is a warning.",
             "properties": {
              "secretKeyRef": {
               "type": "object",
               "required": [
                "name",
                "key"
               ],
               "properties": {
                "name": {
                 "type": "string",
                 "minLength": 1,
                 "maxLength": 253,
                 "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
                },
                "key": {
                 "type": "string",
                 "minLength": 1,
                 "maxLength": 253,
                 "pattern": "^[-._a-zA-Z0-9]+$"
                }
               }
              }
             }
            },
            "timeoutSeconds": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 86400,
             "description": "A script that runs longer is ended and has failed; default 600."
            }
           }
          },
          "resources": {
           "type": "object",
           "description": "How gently restic runs on this host.",
           "properties": {
            "nice": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "maximum": 19,
             "description": "Processor niceness of restic."
            },
            "ioNice": {
             "type": "string",
             "enum": [
              "BestEffort",
              "Idle"
             ],
             "description": "Disk priority of restic; Idle only works while the disk has nothing else to do."
            }
           }
          },
          "maxConcurrentJobs": {
           "type": "integer",
           "format": "int32",
           "minimum": 1,
           "maximum": 16,
           "default": 1,
           "description": "Jobs at one time on this host; restores, diffs and unlocks do not count, and never more than one that needs the repository for itself."
          },
          "enrollment": {
           "type": "object",
           "required": [
            "fingerprint"
           ],
           "description": "The agent with this key becomes this host, now and after the object is made again.",
           "properties": {
            "fingerprint": {
             "type": "string",
             "maxLength": 50,
             "pattern": "^SHA256:[A-Za-z0-9+/]{43}$",
             "description": "SHA256: and the unpadded base64 of the SHA-256 of the agent's raw Ed25519 public key."
            }
           }
          }
         }
        },
        "status": {
         "type": "object",
         "properties": {
          "phase": {
           "type": "string",
           "enum": [
            "Pending",
            "Online",
            "Offline",
            "Asleep",
            "Suspended"
           ]
          },
          "agent": {
           "type": "object",
           "description": "What the agent said of itself when it connected.",
           "properties": {
            "version": {
             "type": "string",
             "maxLength": 64
            },
            "protocolVersion": {
             "type": "integer",
             "format": "int32"
            },
            "os": {
             "type": "string",
             "maxLength": 32
            },
            "arch": {
             "type": "string",
             "maxLength": 32
            },
            "hostname": {
             "type": "string",
             "maxLength": 253
            },
            "timeZone": {
             "type": "string",
             "maxLength": 64
            },
            "resticVersion": {
             "type": "string",
             "maxLength": 64,
             "description": "Absent when the host has no restic."
            },
            "capabilities": {
             "type": "array",
             "maxItems": 64,
             "items": {
              "type": "string",
              "maxLength": 64
             }
            },
            "machineId": {
             "type": "string",
             "maxLength": 128,
             "description": "Hash of the machine id."
            },
            "publicKey": {
             "type": "string",
             "maxLength": 64,
             "description": "The agent's Ed25519 key, base64; recorded at its first hello."
            }
           }
          },
          "connection": {
           "type": "object",
           "description": "Set while an agent is connected; the host is online while the gateway's Lease lives.",
           "required": [
            "gateway",
            "sessionID",
            "since"
           ],
           "properties": {
            "gateway": {
             "type": "string",
             "maxLength": 253
            },
            "sessionID": {
             "type": "string",
             "maxLength": 64
            },
            "since": {
             "type": "string",
             "format": "date-time"
            }
           }
          },
          "lastSeenTime": {
           "type": "string",
           "format": "date-time",
           "description": "Written when the agent disconnects."
          },
          "lastBackup": {
           "type": "object",
           "properties": {
            "time": {
             "type": "string",
             "format": "date-time"
            },
            "result": {
             "type": "string",
             "enum": [
              "Succeeded",
              "Partial",
              "Failed",
              "Cancelled"
             ]
            },
            "jobName": {
             "type": "string",
             "maxLength": 63
            },
            "snapshotID": {
             "type": "string",
             "maxLength": 64
            },
            "bytesAdded": {
             "type": "integer",
             "format": "int64",
             "minimum": 0
            },
            "durationSeconds": {
             "type": "number",
             "minimum": 0
            },
            "lastSuccessfulTime": {
             "type": "string",
             "format": "date-time",
             "description": "End of the newest backup that was complete; a later one that failed, skipped files or was cancelled leaves it."
            }
           }
          },
          "nextBackup": {
           "type": "string",
           "maxLength": 64,
           "description": "RFC 3339; a string so that a future time is shown as it is."
          },
          "desiredRevision": {
           "type": "string",
           "maxLength": 64,
           "description": "HMAC of the plan this host should have."
          },
          "planGeneration": {
           "type": "integer",
           "format": "int64",
           "minimum": 0,
           "description": "+1 with each new desiredRevision."
          },
          "appliedRevision": {
           "type": "string",
           "maxLength": 64,
           "description": "The plan revision the agent has on disk."
          },
          "appliedGeneration": {
           "type": "integer",
           "format": "int64",
           "minimum": 0
          },
          "stalledSchedules": {
           "type": "array",
           "maxItems": 20,
           "x-kubernetes-list-type": "atomic",
           "description": "Schedules of the applied plan that this agent cannot run.",
           "items": {
            "type": "object",
            "required": [
             "name",
             "message"
            ],
            "properties": {
             "name": {
              "type": "string",
              "maxLength": 63
             },
             "message": {
              "type": "string",
              "maxLength": 1024,
              "description": "In the agent's words."
             }
            }
           }
          },
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation of the spec that the conditions speak of."
          },
          "conditions": {
           "type": "array",
           "maxItems": 16,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "items": {
            "type": "object",
            "required": [
             "type",
             "status",
             "lastTransitionTime",
             "reason",
             "message"
            ],
            "properties": {
             "type": {
              "type": "string",
              "maxLength": 316
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ]
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "minimum": 0
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time"
             },
             "reason": {
              "type": "string",
              "minLength": 1,
              "maxLength": 1024
             },
             "message": {
              "type": "string",
              "maxLength": 32768
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 "Repository": {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "repositories.restic-manager.io"
  },
  "spec": {
   "group": "restic-manager.io",
   "scope": "Namespaced",
   "names": {
    "kind": "Repository",
    "listKind": "RepositoryList",
    "plural": "repositories",
    "singular": "repository",
    "shortNames": [
     "repo"
    ],
    "categories": [
     "restic"
    ]
   },
   "versions": [
    {
     "name": "v1alpha1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "additionalPrinterColumns": [
      {
       "name": "URL",
       "type": "string",
       "jsonPath": ".spec.url"
      },
      {
       "name": "Status",
       "type": "string",
       "jsonPath": ".status.phase"
      },
      {
       "name": "Hosts",
       "type": "integer",
       "jsonPath": ".status.hosts"
      },
      {
       "name": "Size",
       "type": "integer",
       "jsonPath": ".status.sizeBytes"
      },
      {
       "name": "Snapshots",
       "type": "integer",
       "jsonPath": ".status.snapshotCount"
      },
      {
       "name": "Last Check",
       "type": "date",
       "jsonPath": ".status.lastCheck.time"
      },
      {
       "name": "Protection",
       "type": "string",
       "jsonPath": ".status.deletionProtection"
      },
      {
       "name": "ID",
       "type": "string",
       "jsonPath": ".status.id",
       "priority": 1
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp"
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "description": "One restic repository, used by one host or shared by several.",
       "type": "object",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 63",
         "message": "metadata.name must be a DNS label of at most 63 characters (lower case letters, digits and '-')"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string"
        },
        "kind": {
         "type": "string"
        },
        "metadata": {
         "type": "object"
        },
        "spec": {
         "type": "object",
         "required": [
          "url",
          "credentialsSecretRef"
         ],
         "properties": {
          "displayName": {
           "type": "string",
           "maxLength": 253
          },
          "url": {
           "type": "string",
           "minLength": 1,
           "maxLength": 2048,
           "description": "As restic's --repo, without user name and password.",
           "x-kubernetes-validations": [
            {
             "rule": "!self.matches('^[a-z0-9]+:(https?://)?[^/]*:[^/@]*@')",
             "message": "put user name and password into the Secret of credentialsSecretRef, not into the url"
            },
            {
             "rule": "!self.startsWith('-') && !self.matches('[\\\\x00-\\\\x1f]')",
             "message": "must not begin with '-' or contain control characters"
            }
           ]
          },
          "credentialsSecretRef": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "Secret with key password, optionally username and the back end's variables; labelled restic-manager.io/use: repository.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 253,
             "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
            }
           }
          },
          "adminCredentialsSecretRef": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "Secret with the same keys for an account that may delete; labelled restic-manager.io/use: repository-admin. Only the runner gets it, for the one job.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 253,
             "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
            }
           }
          },
          "options": {
           "type": "object",
           "maxProperties": 32,
           "additionalProperties": {
            "type": "string",
            "maxLength": 256
           },
           "description": "restic's extended options (-o); none that names a program.",
           "x-kubernetes-validations": [
            {
             "rule": "self.all(name, name in ['azure.access-tier', 'azure.connections', 'b2.connections', 'gs.connections', 'local.connections', 'rclone.connections', 'rclone.timeout', 'rest.connections', 's3.bucket-lookup', 's3.connections', 's3.list-objects-v1', 's3.region', 's3.storage-class', 'sftp.connections', 'swift.connections'])",
             "message": "one of the options is not allowed; allowed are azure.access-tier, azure.connections, b2.connections, gs.connections, local.connections, rclone.connections, rclone.timeout, rest.connections, s3.bucket-lookup, s3.connections, s3.list-objects-v1, s3.region, s3.storage-class, sftp.connections, swift.connections"
            }
           ]
          },
          "formatVersion": {
           "type": "integer",
           "format": "int32",
           "minimum": 1,
           "maximum": 2,
           "description": "For a repository that is yet to be created; default restic's."
          },
          "compression": {
           "type": "string",
           "enum": [
            "auto",
            "off",
            "max"
           ],
           "description": "restic's --compression; default auto."
          },
          "packSizeMiB": {
           "type": "integer",
           "format": "int32",
           "minimum": 4,
           "maximum": 128,
           "description": "restic's --pack-size."
          },
          "suspend": {
           "type": "boolean",
           "description": "No job is offered and no schedule of its hosts fires while true."
          },
          "maintenance": {
           "type": "object",
           "description": "When the runner looks after the repository.",
           "properties": {
            "forget": {
             "type": "object",
             "properties": {
              "schedule": {
               "type": "string",
               "minLength": 1,
               "maxLength": 256,
               "pattern": "^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/?-]+( +[0-9A-Za-z*,/?-]+){4})$",
               "description": "Five cron fields or a macro. Default: forget daily about 03:00, prune Sundays about 04:00, check on the 1st about 05:00."
              },
              "timeZone": {
               "type": "string",
               "minLength": 1,
               "maxLength": 64,
               "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$",
               "description": "IANA name; default the runner's own."
              },
              "suspend": {
               "type": "boolean"
              }
             }
            },
            "prune": {
             "type": "object",
             "properties": {
              "schedule": {
               "type": "string",
               "minLength": 1,
               "maxLength": 256,
               "pattern": "^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/?-]+( +[0-9A-Za-z*,/?-]+){4})$",
               "description": "Five cron fields or a macro. Default: forget daily about 03:00, prune Sundays about 04:00, check on the 1st about 05:00."
              },
              "timeZone": {
               "type": "string",
               "minLength": 1,
               "maxLength": 64,
               "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$",
               "description": "IANA name; default the runner's own."
              },
              "suspend": {
               "type": "boolean"
              }
             }
            },
            "check": {
             "type": "object",
             "properties": {
              "schedule": {
               "type": "string",
               "minLength": 1,
               "maxLength": 256,
               "pattern": "^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/?-]+( +[0-9A-Za-z*,/?-]+){4})$"
              },
              "timeZone": {
               "type": "string",
               "minLength": 1,
               "maxLength": 64,
               "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$",
               "description": "IANA name; default the runner's own."
              },
              "suspend": {
               "type": "boolean"
              },
              "readDataSubsetPercent": {
               "type": "integer",
               "format": "int32",
               "minimum": 0,
               "maximum": 100,
               "description": "How much of the data a check reads; default 5."
              }
             }
            }
           }
          },
          "retentionGuard": {
           "type": "object",
           "description": "A forget beyond these bounds waits for approval.",
           "properties": {
            "maxRemovalPercent": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "maximum": 100,
             "default": 30
            },
            "keepWithinFloor": {
             "type": "string",
             "minLength": 2,
             "maxLength": 24,
             "default": "14d",
             "pattern": "^([0-9]{1,5}y)?([0-9]{1,5}m)?([0-9]{1,5}d)?([0-9]{1,5}h)?$",
             "description": "Snapshots younger than this are never forgotten by retention; 0d: none are too young."
            }
           }
          },
          "runner": {
           "type": "object",
           "required": [
            "hostRef"
           ],
           "description": "The host that initialises and looks after this repository; default its only host, required once two share it.",
           "properties": {
            "adminCredentials": {
             "type": "string",
             "enum": [
              "FromServer",
              "OnRunner"
             ],
             "default": "FromServer",
             "description": "OnRunner: the credential that may delete lives in a root-only file on that host and never on the server."
            },
            "hostRef": {
             "type": "object",
             "required": [
              "name"
             ],
             "description": "A Host.",
             "properties": {
              "name": {
               "type": "string",
               "minLength": 1,
               "maxLength": 63,
               "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
              }
             }
            }
           }
          }
         }
        },
        "status": {
         "type": "object",
         "properties": {
          "phase": {
           "type": "string",
           "enum": [
            "Unknown",
            "Initializing",
            "Ready",
            "InitFailed",
            "Replaced",
            "Suspended"
           ]
          },
          "id": {
           "type": "string",
           "maxLength": 64,
           "description": "restic's repository id; pinned once known."
          },
          "replacedTime": {
           "type": "string",
           "format": "date-time",
           "description": "When somebody last found no repository, or another one, where the pinned one should be; absent once the pinned one was seen later."
          },
          "formatVersion": {
           "type": "integer",
           "format": "int32"
          },
          "hosts": {
           "type": "integer",
           "format": "int32",
           "minimum": 0,
           "description": "Number of hosts that use it."
          },
          "sharedTrust": {
           "type": "boolean",
           "description": "More than one host holds its credential."
          },
          "sizeBytes": {
           "type": "integer",
           "format": "int64",
           "minimum": 0
          },
          "uncompressedSizeBytes": {
           "type": "integer",
           "format": "int64",
           "minimum": 0
          },
          "snapshotCount": {
           "type": "integer",
           "format": "int64",
           "minimum": 0
          },
          "deletionProtection": {
           "type": "string",
           "enum": [
            "Enforced",
            "NotEnforced",
            "Unknown"
           ],
           "description": "Whether the storage refuses deletion to the everyday credential, as far as a probe or a job showed."
          },
          "lastForget": {
           "type": "object",
           "description": "The newest one that ran to its end.",
           "properties": {
            "time": {
             "type": "string",
             "format": "date-time"
            },
            "result": {
             "type": "string",
             "enum": [
              "Succeeded",
              "Failed",
              "Cancelled"
             ]
            },
            "reason": {
             "type": "string",
             "maxLength": 64
            },
            "message": {
             "type": "string",
             "maxLength": 1024
            },
            "jobName": {
             "type": "string",
             "maxLength": 63
            }
           }
          },
          "lastPrune": {
           "type": "object",
           "description": "The newest one that ran to its end.",
           "properties": {
            "time": {
             "type": "string",
             "format": "date-time"
            },
            "result": {
             "type": "string",
             "enum": [
              "Succeeded",
              "Failed",
              "Cancelled"
             ]
            },
            "reason": {
             "type": "string",
             "maxLength": 64
            },
            "message": {
             "type": "string",
             "maxLength": 1024
            },
            "jobName": {
             "type": "string",
             "maxLength": 63
            }
           }
          },
          "lastCheck": {
           "type": "object",
           "description": "The newest one that ran to its end.",
           "properties": {
            "time": {
             "type": "string",
             "format": "date-time"
            },
            "result": {
             "type": "string",
             "enum": [
              "Succeeded",
              "Failed",
              "Cancelled"
             ]
            },
            "reason": {
             "type": "string",
             "maxLength": 64
            },
            "message": {
             "type": "string",
             "maxLength": 1024
            },
            "jobName": {
             "type": "string",
             "maxLength": 63
            }
           }
          },
          "nextMaintenance": {
           "type": "string",
           "maxLength": 128,
           "description": "What comes next and when."
          },
          "maintenance": {
           "type": "object",
           "description": "The due moment up to which each task was acted upon.",
           "properties": {
            "forget": {
             "type": "object",
             "properties": {
              "lastDueTime": {
               "type": "string",
               "format": "date-time"
              },
              "schedule": {
               "type": "string",
               "maxLength": 400,
               "description": "The cron and time zone in force, or suspended: nothing is due for the time before a change of it."
              }
             }
            },
            "prune": {
             "type": "object",
             "properties": {
              "lastDueTime": {
               "type": "string",
               "format": "date-time"
              },
              "schedule": {
               "type": "string",
               "maxLength": 400,
               "description": "The cron and time zone in force, or suspended: nothing is due for the time before a change of it."
              }
             }
            },
            "check": {
             "type": "object",
             "properties": {
              "lastDueTime": {
               "type": "string",
               "format": "date-time"
              },
              "schedule": {
               "type": "string",
               "maxLength": 400,
               "description": "The cron and time zone in force, or suspended: nothing is due for the time before a change of it."
              }
             }
            }
           }
          },
          "credentialsHash": {
           "type": "string",
           "maxLength": 64,
           "description": "HMAC of url and credentials of the last successful or attempted open."
          },
          "locks": {
           "type": "array",
           "maxItems": 10,
           "x-kubernetes-list-type": "atomic",
           "items": {
            "type": "object",
            "properties": {
             "hostname": {
              "type": "string",
              "maxLength": 253
             },
             "pid": {
              "type": "integer",
              "format": "int64"
             },
             "time": {
              "type": "string",
              "format": "date-time"
             },
             "exclusive": {
              "type": "boolean"
             }
            }
           }
          },
          "observed": {
           "type": "object",
           "description": "Written by the session of the runner.",
           "properties": {
            "repositoryID": {
             "type": "string",
             "maxLength": 64
            },
            "formatVersion": {
             "type": "integer",
             "format": "int32"
            },
            "sizeBytes": {
             "type": "integer",
             "format": "int64",
             "minimum": 0
            },
            "uncompressedSizeBytes": {
             "type": "integer",
             "format": "int64",
             "minimum": 0
            },
            "snapshotCount": {
             "type": "integer",
             "format": "int64",
             "minimum": 0
            },
            "locks": {
             "type": "array",
             "maxItems": 10,
             "x-kubernetes-list-type": "atomic",
             "items": {
              "type": "object",
              "properties": {
               "hostname": {
                "type": "string",
                "maxLength": 253
               },
               "pid": {
                "type": "integer",
                "format": "int64"
               },
               "time": {
                "type": "string",
                "format": "date-time"
               },
               "exclusive": {
                "type": "boolean"
               }
              }
             }
            },
            "deletionProtection": {
             "type": "string",
             "enum": [
              "Enforced",
              "NotEnforced",
              "Unknown"
             ]
            },
            "time": {
             "type": "string",
             "format": "date-time"
            }
           }
          },
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation of the spec that the conditions speak of."
          },
          "conditions": {
           "type": "array",
           "maxItems": 16,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "items": {
            "type": "object",
            "required": [
             "type",
             "status",
             "lastTransitionTime",
             "reason",
             "message"
            ],
            "properties": {
             "type": {
              "type": "string",
              "maxLength": 316
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ]
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "minimum": 0
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time"
             },
             "reason": {
              "type": "string",
              "minLength": 1,
              "maxLength": 1024
             },
             "message": {
              "type": "string",
              "maxLength": 32768
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 "ResticJob": {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "resticjobs.restic-manager.io"
  },
  "spec": {
   "group": "restic-manager.io",
   "scope": "Namespaced",
   "names": {
    "kind": "ResticJob",
    "listKind": "ResticJobList",
    "plural": "resticjobs",
    "singular": "resticjob",
    "shortNames": [
     "rj"
    ],
    "categories": [
     "restic"
    ]
   },
   "versions": [
    {
     "name": "v1alpha1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "selectableFields": [
      {
       "jsonPath": ".spec.hostRef.name"
      },
      {
       "jsonPath": ".status.phase"
      }
     ],
     "additionalPrinterColumns": [
      {
       "name": "Host",
       "type": "string",
       "jsonPath": ".spec.hostRef.name"
      },
      {
       "name": "Type",
       "type": "string",
       "jsonPath": ".spec.type"
      },
      {
       "name": "Group",
       "type": "string",
       "jsonPath": ".spec.sourceGroupRef.name"
      },
      {
       "name": "Status",
       "type": "string",
       "jsonPath": ".status.phase"
      },
      {
       "name": "Reason",
       "type": "string",
       "jsonPath": ".status.reason",
       "priority": 1
      },
      {
       "name": "Started",
       "type": "date",
       "jsonPath": ".status.startTime"
      },
      {
       "name": "Duration",
       "type": "string",
       "jsonPath": ".status.duration"
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp"
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "description": "One restic operation on one host.",
       "type": "object",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 63",
         "message": "metadata.name must be a DNS label of at most 63 characters (lower case letters, digits and '-')"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string"
        },
        "kind": {
         "type": "string"
        },
        "metadata": {
         "type": "object"
        },
        "spec": {
         "type": "object",
         "required": [
          "hostRef",
          "type"
         ],
         "x-kubernetes-validations": [
          {
           "rule": "self.type != 'Backup' || has(self.sourceGroupRef)",
           "message": "a Backup needs sourceGroupRef"
          },
          {
           "rule": "self.type == 'Backup' || !has(self.sourceGroupRef)",
           "message": "sourceGroupRef is only for type Backup"
          },
          {
           "rule": "(self.type == 'Restore') == has(self.restore)",
           "message": "restore must be set for type Restore, and only for it"
          },
          {
           "rule": "(self.type == 'Diff') == has(self.diff)",
           "message": "diff must be set for type Diff, and only for it"
          },
          {
           "rule": "!has(self.check) || self.type == 'Check'",
           "message": "check is only for type Check"
          },
          {
           "rule": "!has(self.forget) || self.type == 'Forget'",
           "message": "forget is only for type Forget"
          },
          {
           "rule": "!has(self.dryRun) || !self.dryRun || self.type in ['Backup', 'Forget', 'Prune', 'Restore']",
           "message": "dryRun is only for types Backup, Forget, Prune and Restore"
          },
          {
           "rule": "!has(self.restore) || !has(self.restore.inPlace) || !self.restore.inPlace || (has(self.restore.confirmHostName) && self.restore.confirmHostName == self.hostRef.name)",
           "message": "restoring in place overwrites files of the host; restore.confirmHostName must repeat hostRef.name"
          },
          {
           "rule": "!(has(oldSelf.cancel) && oldSelf.cancel) || (has(self.cancel) && self.cancel)",
           "message": "cancel cannot be taken back"
          },
          {
           "rule": "self.hostRef == oldSelf.hostRef && self.type == oldSelf.type && self.startedBy == oldSelf.startedBy && has(self.repositoryRef) == has(oldSelf.repositoryRef) && (!has(self.repositoryRef) || self.repositoryRef == oldSelf.repositoryRef) && has(self.sourceGroupRef) == has(oldSelf.sourceGroupRef) && (!has(self.sourceGroupRef) || self.sourceGroupRef == oldSelf.sourceGroupRef) && has(self.startingDeadlineSeconds) == has(oldSelf.startingDeadlineSeconds) && (!has(self.startingDeadlineSeconds) || self.startingDeadlineSeconds == oldSelf.startingDeadlineSeconds) && has(self.activeDeadlineSeconds) == has(oldSelf.activeDeadlineSeconds) && (!has(self.activeDeadlineSeconds) || self.activeDeadlineSeconds == oldSelf.activeDeadlineSeconds) && has(self.ttlSecondsAfterFinished) == has(oldSelf.ttlSecondsAfterFinished) && (!has(self.ttlSecondsAfterFinished) || self.ttlSecondsAfterFinished == oldSelf.ttlSecondsAfterFinished) && has(self.bandwidth) == has(oldSelf.bandwidth) && (!has(self.bandwidth) || self.bandwidth == oldSelf.bandwidth) && has(self.dryRun) == has(oldSelf.dryRun) && (!has(self.dryRun) || self.dryRun == oldSelf.dryRun) && has(self.restore) == has(oldSelf.restore) && (!has(self.restore) || self.restore == oldSelf.restore) && has(self.diff) == has(oldSelf.diff) && (!has(self.diff) || self.diff == oldSelf.diff) && has(self.check) == has(oldSelf.check) && (!has(self.check) || self.check == oldSelf.check) && has(self.forget) == has(oldSelf.forget) && (!has(self.forget) || self.forget == oldSelf.forget) && has(self.origin) == has(oldSelf.origin) && (!has(self.origin) || self.origin == oldSelf.origin)",
           "message": "a job's spec is immutable except cancel; make a new job instead"
          }
         ],
         "properties": {
          "hostRef": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "The host that runs it.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 63,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
            }
           }
          },
          "repositoryRef": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "Default: the host's repository.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 63,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
            }
           }
          },
          "type": {
           "type": "string",
           "enum": [
            "Backup",
            "Init",
            "Forget",
            "Prune",
            "Check",
            "Unlock",
            "Restore",
            "Diff"
           ]
          },
          "sourceGroupRef": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "What to back up; for type Backup.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 63,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
            }
           }
          },
          "bandwidth": {
           "type": "object",
           "description": "Limits of this job in place of the host's; 0 lifts the host's.",
           "properties": {
            "uploadKiBps": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "maximum": 1073741824
            },
            "downloadKiBps": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "maximum": 1073741824
            }
           }
          },
          "dryRun": {
           "type": "boolean",
           "description": "Says what it would do and changes nothing."
          },
          "restore": {
           "type": "object",
           "required": [
            "snapshot"
           ],
           "x-kubernetes-validations": [
            {
             "rule": "!(has(self.inPlace) && self.inPlace && has(self.targetDirectory))",
             "message": "inPlace and targetDirectory exclude each other"
            }
           ],
           "properties": {
            "repositoryRef": {
             "type": "object",
             "required": [
              "name"
             ],
             "description": "Where the snapshot is; default the host's repository.",
             "properties": {
              "name": {
               "type": "string",
               "minLength": 1,
               "maxLength": 63,
               "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
              }
             }
            },
            "snapshot": {
             "type": "string",
             "minLength": 8,
             "maxLength": 64,
             "pattern": "^[0-9a-f]+$",
             "description": "A snapshot's id."
            },
            "paths": {
             "type": "array",
             "minItems": 1,
             "maxItems": 256,
             "x-kubernetes-list-type": "set",
             "description": "Absolute paths in the snapshot, taken literally; default everything.",
             "items": {
              "type": "string",
              "minLength": 1,
              "maxLength": 4096,
              "pattern": "^(/|[A-Za-z]:[\\\\/])"
             }
            },
            "inPlace": {
             "type": "boolean",
             "description": "Back to where the files came from."
            },
            "confirmHostName": {
             "type": "string",
             "maxLength": 63,
             "description": "The host's name once more, for inPlace."
            },
            "targetDirectory": {
             "type": "string",
             "minLength": 1,
             "maxLength": 4096,
             "pattern": "^(/|~/|\\$HOME/|\\$\\{HOME\\}/|[A-Za-z]:[\\\\/])",
             "description": "Default $HOME/rm-restore/<job>; only a leading ~, $HOME or ${HOME} is expanded.",
             "x-kubernetes-validations": [
              {
               "rule": "!self.matches('(^|[/\\\\\\\\])[.][.]([/\\\\\\\\]|$)')",
               "message": "must not contain '..'"
              }
             ]
            },
            "overwrite": {
             "type": "string",
             "enum": [
              "Never",
              "IfChanged",
              "IfNewer",
              "Always"
             ],
             "default": "Never",
             "description": "What happens to files that are there already."
            },
            "verify": {
             "type": "boolean",
             "description": "Read the restored files again and compare."
            }
           }
          },
          "diff": {
           "type": "object",
           "required": [
            "a",
            "b"
           ],
           "x-kubernetes-validations": [
            {
             "rule": "self.a != self.b",
             "message": "a and b are the same snapshot"
            }
           ],
           "properties": {
            "a": {
             "type": "string",
             "minLength": 8,
             "maxLength": 64,
             "pattern": "^[0-9a-f]+$"
            },
            "b": {
             "type": "string",
             "minLength": 8,
             "maxLength": 64,
             "pattern": "^[0-9a-f]+$"
            }
           }
          },
          "check": {
           "type": "object",
           "properties": {
            "readDataSubsetPercent": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "maximum": 100,
             "description": "How much of the data is read; default none."
            }
           }
          },
          "forget": {
           "type": "object",
           "properties": {
            "snapshotIDs": {
             "type": "array",
             "minItems": 1,
             "maxItems": 1000,
             "x-kubernetes-list-type": "set",
             "description": "Exactly these; default what retention does not keep.",
             "items": {
              "type": "string",
              "minLength": 8,
              "maxLength": 64,
              "pattern": "^[0-9a-f]+$"
             }
            },
            "approvedPlan": {
             "type": "string",
             "maxLength": 64,
             "pattern": "^[0-9a-f]{16,64}$",
             "description": "Hash of a plan that the guard held and a person approved."
            }
           }
          },
          "cancel": {
           "type": "boolean",
           "description": "Set to true to end the job; cannot be taken back."
          },
          "startingDeadlineSeconds": {
           "type": "integer",
           "format": "int64",
           "minimum": 1,
           "maximum": 31536000,
           "description": "Failed when it could not start within this time."
          },
          "activeDeadlineSeconds": {
           "type": "integer",
           "format": "int64",
           "minimum": 1,
           "maximum": 2592000,
           "description": "Stopped and Failed when it runs longer; default the group's."
          },
          "ttlSecondsAfterFinished": {
           "type": "integer",
           "format": "int64",
           "minimum": 0,
           "maximum": 315360000,
           "description": "The object is deleted this long after its end."
          },
          "startedBy": {
           "type": "string",
           "enum": [
            "Server",
            "Agent"
           ],
           "default": "Server",
           "description": "Agent: a run the agent began by its own cron; reported, never offered."
          },
          "origin": {
           "type": "object",
           "required": [
            "type"
           ],
           "properties": {
            "type": {
             "type": "string",
             "enum": [
              "User",
              "Schedule",
              "CatchUp",
              "Maintenance",
              "System"
             ]
            },
            "name": {
             "type": "string",
             "maxLength": 253,
             "description": "The user or the Schedule."
            },
            "dueTime": {
             "type": "string",
             "format": "date-time"
            }
           }
          }
         }
        },
        "status": {
         "type": "object",
         "properties": {
          "phase": {
           "type": "string",
           "enum": [
            "Queued",
            "Offered",
            "Running",
            "Succeeded",
            "Failed",
            "Cancelled"
           ]
          },
          "desiredRun": {
           "type": "object",
           "description": "What the agent should do; written by the reconciler.",
           "required": [
            "id",
            "state"
           ],
           "properties": {
            "id": {
             "type": "string",
             "maxLength": 64
            },
            "planGeneration": {
             "type": "integer",
             "format": "int64",
             "minimum": 0,
             "description": "The agent starts it once it has applied this plan generation."
            },
            "state": {
             "type": "string",
             "enum": [
              "Run",
              "Stop"
             ]
            }
           }
          },
          "observed": {
           "type": "object",
           "description": "What the agent reported; written by the host's session.",
           "required": [
            "runID",
            "phase"
           ],
           "properties": {
            "runID": {
             "type": "string",
             "maxLength": 64
            },
            "phase": {
             "type": "string",
             "enum": [
              "Running",
              "Succeeded",
              "Failed",
              "Cancelled"
             ]
            },
            "startTime": {
             "type": "string",
             "format": "date-time"
            },
            "completionTime": {
             "type": "string",
             "format": "date-time"
            },
            "attempts": {
             "type": "integer",
             "format": "int32",
             "minimum": 0
            },
            "exitCode": {
             "type": "integer",
             "format": "int32"
            },
            "reason": {
             "type": "string",
             "maxLength": 64
            },
            "message": {
             "type": "string",
             "maxLength": 4096
            },
            "warnings": {
             "type": "integer",
             "format": "int64",
             "minimum": 0
            },
            "summary": {
             "type": "object",
             "description": "What restic counted.",
             "properties": {
              "filesNew": {
               "type": "integer",
               "format": "int64"
              },
              "filesChanged": {
               "type": "integer",
               "format": "int64"
              },
              "filesUnmodified": {
               "type": "integer",
               "format": "int64"
              },
              "dirsNew": {
               "type": "integer",
               "format": "int64"
              },
              "dirsChanged": {
               "type": "integer",
               "format": "int64"
              },
              "dirsUnmodified": {
               "type": "integer",
               "format": "int64"
              },
              "filesProcessed": {
               "type": "integer",
               "format": "int64"
              },
              "bytesProcessed": {
               "type": "integer",
               "format": "int64"
              },
              "bytesAdded": {
               "type": "integer",
               "format": "int64"
              },
              "bytesStored": {
               "type": "integer",
               "format": "int64",
               "description": "Added after compression; absent before restic 0.17."
              },
              "durationSeconds": {
               "type": "number"
              },
              "filesRestored": {
               "type": "integer",
               "format": "int64"
              },
              "filesSkipped": {
               "type": "integer",
               "format": "int64"
              },
              "bytesRestored": {
               "type": "integer",
               "format": "int64"
              },
              "snapshotsRemoved": {
               "type": "integer",
               "format": "int64"
              },
              "snapshotsKept": {
               "type": "integer",
               "format": "int64"
              },
              "bytesFreed": {
               "type": "integer",
               "format": "int64"
              },
              "errorsFound": {
               "type": "integer",
               "format": "int64"
              },
              "locksRemoved": {
               "type": "integer",
               "format": "int64"
              },
              "locksLeft": {
               "type": "integer",
               "format": "int64"
              },
              "filesAdded": {
               "type": "integer",
               "format": "int64"
              },
              "filesRemoved": {
               "type": "integer",
               "format": "int64"
              },
              "bytesRemoved": {
               "type": "integer",
               "format": "int64"
              }
             }
            },
            "snapshotID": {
             "type": "string",
             "maxLength": 64
            },
            "repositoryID": {
             "type": "string",
             "maxLength": 64
            },
            "skippedFiles": {
             "type": "array",
             "maxItems": 20,
             "x-kubernetes-list-type": "atomic",
             "description": "What a partial backup could not read; the first 20.",
             "items": {
              "type": "string",
              "maxLength": 4096
             }
            },
            "targetDirectory": {
             "type": "string",
             "maxLength": 4096
            },
            "forgetPlan": {
             "type": "object",
             "description": "What a forget would remove, when the guard held it.",
             "properties": {
              "hash": {
               "type": "string",
               "maxLength": 64
              },
              "remove": {
               "type": "integer",
               "format": "int64",
               "description": "Snapshots it would remove."
              },
              "of": {
               "type": "integer",
               "format": "int64",
               "description": "Snapshots it looked at."
              },
              "reasons": {
               "type": "array",
               "maxItems": 8,
               "x-kubernetes-list-type": "atomic",
               "items": {
                "type": "string",
                "enum": [
                 "RemovesTooMuch",
                 "UnknownSnapshots",
                 "FutureSnapshots"
                ]
               }
              }
             }
            }
           }
          },
          "startTime": {
           "type": "string",
           "format": "date-time"
          },
          "completionTime": {
           "type": "string",
           "format": "date-time"
          },
          "duration": {
           "type": "string",
           "maxLength": 32
          },
          "attempts": {
           "type": "integer",
           "format": "int32",
           "minimum": 0
          },
          "exitCode": {
           "type": "integer",
           "format": "int32"
          },
          "reason": {
           "type": "string",
           "maxLength": 64
          },
          "message": {
           "type": "string",
           "maxLength": 4096
          },
          "warnings": {
           "type": "integer",
           "format": "int64",
           "minimum": 0
          },
          "summary": {
           "type": "object",
           "description": "What restic counted.",
           "properties": {
            "filesNew": {
             "type": "integer",
             "format": "int64"
            },
            "filesChanged": {
             "type": "integer",
             "format": "int64"
            },
            "filesUnmodified": {
             "type": "integer",
             "format": "int64"
            },
            "dirsNew": {
             "type": "integer",
             "format": "int64"
            },
            "dirsChanged": {
             "type": "integer",
             "format": "int64"
            },
            "dirsUnmodified": {
             "type": "integer",
             "format": "int64"
            },
            "filesProcessed": {
             "type": "integer",
             "format": "int64"
            },
            "bytesProcessed": {
             "type": "integer",
             "format": "int64"
            },
            "bytesAdded": {
             "type": "integer",
             "format": "int64"
            },
            "bytesStored": {
             "type": "integer",
             "format": "int64",
             "description": "Added after compression; absent before restic 0.17."
            },
            "durationSeconds": {
             "type": "number"
            },
            "filesRestored": {
             "type": "integer",
             "format": "int64"
            },
            "filesSkipped": {
             "type": "integer",
             "format": "int64"
            },
            "bytesRestored": {
             "type": "integer",
             "format": "int64"
            },
            "snapshotsRemoved": {
             "type": "integer",
             "format": "int64"
            },
            "snapshotsKept": {
             "type": "integer",
             "format": "int64"
            },
            "bytesFreed": {
             "type": "integer",
             "format": "int64"
            },
            "errorsFound": {
             "type": "integer",
             "format": "int64"
            },
            "locksRemoved": {
             "type": "integer",
             "format": "int64"
            },
            "locksLeft": {
             "type": "integer",
             "format": "int64"
            },
            "filesAdded": {
             "type": "integer",
             "format": "int64"
            },
            "filesRemoved": {
             "type": "integer",
             "format": "int64"
            },
            "bytesRemoved": {
             "type": "integer",
             "format": "int64"
            }
           }
          },
          "snapshotID": {
           "type": "string",
           "maxLength": 64
          },
          "skippedFiles": {
           "type": "array",
           "maxItems": 20,
           "x-kubernetes-list-type": "atomic",
           "description": "What a partial backup could not read; the first 20.",
           "items": {
            "type": "string",
            "maxLength": 4096
           }
          },
          "targetDirectory": {
           "type": "string",
           "maxLength": 4096,
           "description": "Where a restore wrote."
          },
          "forgetPlan": {
           "type": "object",
           "description": "What a forget would remove, when the guard held it.",
           "properties": {
            "hash": {
             "type": "string",
             "maxLength": 64
            },
            "remove": {
             "type": "integer",
             "format": "int64",
             "description": "Snapshots it would remove."
            },
            "of": {
             "type": "integer",
             "format": "int64",
             "description": "Snapshots it looked at."
            },
            "reasons": {
             "type": "array",
             "maxItems": 8,
             "x-kubernetes-list-type": "atomic",
             "items": {
              "type": "string",
              "enum": [
               "RemovesTooMuch",
               "UnknownSnapshots",
               "FutureSnapshots"
              ]
             }
            }
           }
          },
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation of the spec that the conditions speak of."
          },
          "conditions": {
           "type": "array",
           "maxItems": 16,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "items": {
            "type": "object",
            "required": [
             "type",
             "status",
             "lastTransitionTime",
             "reason",
             "message"
            ],
            "properties": {
             "type": {
              "type": "string",
              "maxLength": 316
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ]
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "minimum": 0
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time"
             },
             "reason": {
              "type": "string",
              "minLength": 1,
              "maxLength": 1024
             },
             "message": {
              "type": "string",
              "maxLength": 32768
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 "Schedule": {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "schedules.restic-manager.io"
  },
  "spec": {
   "group": "restic-manager.io",
   "scope": "Namespaced",
   "names": {
    "kind": "Schedule",
    "listKind": "ScheduleList",
    "plural": "schedules",
    "singular": "schedule",
    "categories": [
     "restic"
    ]
   },
   "versions": [
    {
     "name": "v1alpha1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "additionalPrinterColumns": [
      {
       "name": "Schedule",
       "type": "string",
       "jsonPath": ".spec.schedule"
      },
      {
       "name": "Time Zone",
       "type": "string",
       "jsonPath": ".spec.timeZone"
      },
      {
       "name": "Suspend",
       "type": "boolean",
       "jsonPath": ".spec.suspend"
      },
      {
       "name": "Groups",
       "type": "string",
       "jsonPath": ".status.groups"
      },
      {
       "name": "Hosts",
       "type": "integer",
       "jsonPath": ".status.hosts.matched"
      },
      {
       "name": "Last Run",
       "type": "date",
       "jsonPath": ".status.lastRunTime"
      },
      {
       "name": "Next",
       "type": "string",
       "jsonPath": ".status.nextRun"
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp"
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "description": "When to back up, and which source groups.",
       "type": "object",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 63",
         "message": "metadata.name must be a DNS label of at most 63 characters (lower case letters, digits and '-')"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string"
        },
        "kind": {
         "type": "string"
        },
        "metadata": {
         "type": "object"
        },
        "spec": {
         "type": "object",
         "required": [
          "schedule",
          "sourceGroupRefs"
         ],
         "properties": {
          "schedule": {
           "type": "string",
           "minLength": 1,
           "maxLength": 256,
           "pattern": "^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/?-]+( +[0-9A-Za-z*,/?-]+){4})$",
           "description": "Five cron fields or @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly."
          },
          "timeZone": {
           "type": "string",
           "minLength": 1,
           "maxLength": 64,
           "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$",
           "description": "IANA name; absent means the host's own."
          },
          "suspend": {
           "type": "boolean"
          },
          "sourceGroupRefs": {
           "type": "array",
           "minItems": 1,
           "maxItems": 64,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "name"
           ],
           "items": {
            "type": "object",
            "required": [
             "name"
            ],
            "description": "A SourceGroup.",
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 63,
              "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
             }
            }
           }
          },
          "jitter": {
           "type": "string",
           "maxLength": 16,
           "pattern": "^([0-9]+(s|m|h))+$",
           "description": "Upper bound of a delay that is fixed per host, e.g. 15m; default 0s for groups of one host, 15m through a selector."
          },
          "catchUp": {
           "type": "object",
           "description": "What happens to a run that was missed because the host was off or asleep.",
           "properties": {
            "enabled": {
             "type": "boolean",
             "default": true
            },
            "settleSeconds": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "maximum": 86400,
             "default": 60,
             "description": "Wait after the agent is back."
            }
           }
          },
          "blackout": {
           "type": "array",
           "maxItems": 16,
           "x-kubernetes-list-type": "atomic",
           "description": "Daily windows in which nothing starts; what is due inside one starts at its end.",
           "items": {
            "type": "object",
            "required": [
             "from",
             "to"
            ],
            "x-kubernetes-validations": [
             {
              "rule": "self.from != self.to",
              "message": "from and to are the same time"
             }
            ],
            "properties": {
             "from": {
              "type": "string",
              "maxLength": 5,
              "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$",
              "description": "HH:MM."
             },
             "to": {
              "type": "string",
              "maxLength": 5,
              "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$",
              "description": "HH:MM; before from means the next day."
             },
             "timeZone": {
              "type": "string",
              "minLength": 1,
              "maxLength": 64,
              "pattern": "^[A-Za-z][A-Za-z0-9_+/-]*$",
              "description": "IANA name; default the schedule's zone."
             }
            }
           }
          },
          "startingDeadlineSeconds": {
           "type": "integer",
           "format": "int64",
           "minimum": 1,
           "maximum": 31536000,
           "description": "A missed run older than this is skipped; default half the interval. Catch-up on Intermittent hosts ignores it."
          },
          "successfulJobsHistoryLimit": {
           "type": "integer",
           "format": "int32",
           "minimum": 0,
           "maximum": 100,
           "default": 3,
           "description": "Per schedule, group and host."
          },
          "failedJobsHistoryLimit": {
           "type": "integer",
           "format": "int32",
           "minimum": 0,
           "maximum": 100,
           "default": 3,
           "description": "Per schedule, group and host."
          }
         }
        },
        "status": {
         "type": "object",
         "properties": {
          "hosts": {
           "type": "object",
           "properties": {
            "matched": {
             "type": "integer",
             "format": "int32",
             "minimum": 0
            },
            "synced": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "description": "Hosts whose agent has applied its present plan."
            }
           }
          },
          "groups": {
           "type": "string",
           "maxLength": 1024
          },
          "lastRunTime": {
           "type": "string",
           "format": "date-time"
          },
          "lastRunResult": {
           "type": "string",
           "enum": [
            "Succeeded",
            "Partial",
            "Failed",
            "Cancelled"
           ]
          },
          "nextRun": {
           "type": "string",
           "maxLength": 64,
           "description": "RFC 3339."
          },
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation of the spec that the conditions speak of."
          },
          "conditions": {
           "type": "array",
           "maxItems": 16,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "items": {
            "type": "object",
            "required": [
             "type",
             "status",
             "lastTransitionTime",
             "reason",
             "message"
            ],
            "properties": {
             "type": {
              "type": "string",
              "maxLength": 316
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ]
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "minimum": 0
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time"
             },
             "reason": {
              "type": "string",
              "minLength": 1,
              "maxLength": 1024
             },
             "message": {
              "type": "string",
              "maxLength": 32768
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 "SourceGroup": {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "sourcegroups.restic-manager.io"
  },
  "spec": {
   "group": "restic-manager.io",
   "scope": "Namespaced",
   "names": {
    "kind": "SourceGroup",
    "listKind": "SourceGroupList",
    "plural": "sourcegroups",
    "singular": "sourcegroup",
    "shortNames": [
     "sg"
    ],
    "categories": [
     "restic"
    ]
   },
   "versions": [
    {
     "name": "v1alpha1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "additionalPrinterColumns": [
      {
       "name": "Hosts",
       "type": "integer",
       "jsonPath": ".status.matchedHosts"
      },
      {
       "name": "Tag",
       "type": "string",
       "jsonPath": ".status.tag"
      },
      {
       "name": "Retention",
       "type": "string",
       "jsonPath": ".status.retention"
      },
      {
       "name": "Last Backup",
       "type": "date",
       "jsonPath": ".status.lastBackupTime"
      },
      {
       "name": "Suspended",
       "type": "boolean",
       "jsonPath": ".spec.suspend"
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp"
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "description": "What to back up, on which hosts. One restic backup per group and host.",
       "type": "object",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 63",
         "message": "metadata.name must be a DNS label of at most 63 characters (lower case letters, digits and '-')"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string"
        },
        "kind": {
         "type": "string"
        },
        "metadata": {
         "type": "object"
        },
        "spec": {
         "type": "object",
         "x-kubernetes-validations": [
          {
           "rule": "has(self.includes) != has(self.stdin)",
           "message": "exactly one of includes and stdin must be set"
          },
          {
           "rule": "has(self.hostRef) != has(self.hostSelector)",
           "message": "exactly one of hostRef and hostSelector must be set"
          },
          {
           "rule": "(has(self.tag) ? self.tag : '') == (has(oldSelf.tag) ? oldSelf.tag : '')",
           "message": "tag is immutable (snapshots and retention are found by it)"
          }
         ],
         "properties": {
          "hostRef": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "The one host of this group; excludes hostSelector.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 63,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
            }
           }
          },
          "hostSelector": {
           "type": "object",
           "description": "Hosts by their labels; excludes hostRef. An empty selector is refused.",
           "properties": {
            "matchLabels": {
             "type": "object",
             "maxProperties": 32,
             "additionalProperties": {
              "type": "string",
              "maxLength": 63
             }
            },
            "matchExpressions": {
             "type": "array",
             "maxItems": 32,
             "x-kubernetes-list-type": "atomic",
             "items": {
              "type": "object",
              "required": [
               "key",
               "operator"
              ],
              "properties": {
               "key": {
                "type": "string",
                "minLength": 1,
                "maxLength": 316
               },
               "operator": {
                "type": "string",
                "enum": [
                 "In",
                 "NotIn",
                 "Exists",
                 "DoesNotExist"
                ]
               },
               "values": {
                "type": "array",
                "maxItems": 64,
                "x-kubernetes-list-type": "atomic",
                "items": {
                 "type": "string",
                 "maxLength": 63
                }
               }
              }
             }
            }
           },
           "x-kubernetes-validations": [
            {
             "rule": "(has(self.matchLabels) && self.matchLabels.size() > 0) || (has(self.matchExpressions) && self.matchExpressions.size() > 0)",
             "message": "an empty hostSelector would match every host; name at least one label"
            }
           ]
          },
          "tag": {
           "type": "string",
           "minLength": 1,
           "maxLength": 63,
           "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
           "description": "restic's tag; default metadata.name. Immutable."
          },
          "includes": {
           "type": "array",
           "minItems": 1,
           "maxItems": 256,
           "description": "Absolute paths to back up.",
           "x-kubernetes-list-type": "set",
           "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 4096,
            "pattern": "^(/|[A-Za-z]:[\\\\/])",
            "description": "Absolute: /srv or C:\\Data."
           }
          },
          "excludes": {
           "type": "array",
           "maxItems": 256,
           "x-kubernetes-list-type": "set",
           "description": "restic's --exclude patterns.",
           "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 4096
           }
          },
          "excludeCaches": {
           "type": "boolean",
           "description": "restic's --exclude-caches."
          },
          "excludeIfPresent": {
           "type": "array",
           "maxItems": 64,
           "x-kubernetes-list-type": "set",
           "description": "restic's --exclude-if-present.",
           "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 4096
           }
          },
          "excludeLargerThan": {
           "type": "string",
           "maxLength": 16,
           "pattern": "^[1-9][0-9]*[kKmMgGtT]?$",
           "description": "restic's --exclude-larger-than."
          },
          "oneFileSystem": {
           "type": "boolean",
           "description": "restic's --one-file-system."
          },
          "requireMount": {
           "type": "array",
           "maxItems": 32,
           "x-kubernetes-list-type": "set",
           "description": "Absolute paths that must be mount points when the backup starts, or nothing is backed up.",
           "items": {
            "type": "string",
            "minLength": 1,
            "maxLength": 4096,
            "pattern": "^(/|[A-Za-z]:[\\\\/])"
           }
          },
          "skipIfUnchanged": {
           "type": "boolean",
           "description": "restic's --skip-if-unchanged: no snapshot when nothing changed; restic 0.17 or newer."
          },
          "windows": {
           "type": "object",
           "properties": {
            "useFsSnapshot": {
             "type": "boolean",
             "description": "restic's --use-fs-snapshot (VSS); ignored on other systems."
            }
           }
          },
          "stdin": {
           "type": "object",
           "required": [
            "command",
            "filename"
           ],
           "description": "Back up what a command prints, such as a database dump; excludes includes. restic 0.17 or newer.",
           "properties": {
            "command": {
             "type": "array",
             "minItems": 1,
             "maxItems": 64,
             "x-kubernetes-list-type": "atomic",
             "description": "Program and arguments; no shell.",
             "items": {
              "type": "string",
              "minLength": 1,
              "maxLength": 4096
             }
            },
            "filename": {
             "type": "string",
             "minLength": 1,
             "maxLength": 1024,
             "pattern": "^/?[^/\\x00-\\x1f-][^\\x00-\\x1f]*$",
             "description": "Name of the dump in the snapshot."
            }
           }
          },
          "retention": {
           "type": "object",
           "description": "Which snapshots forget keeps, as restic's --keep-*. Empty: forget skips this group.",
           "x-kubernetes-validations": [
            {
             "rule": "!has(self.keepTags) || self.keepTags.size() == 0 || has(self.keepLast) || has(self.keepHourly) || has(self.keepDaily) || has(self.keepWeekly) || has(self.keepMonthly) || has(self.keepYearly) || has(self.keepWithin)",
             "message": "keepTags alone would forget every snapshot without these tags; add another rule, such as keepLast 1"
            }
           ],
           "properties": {
            "keepLast": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 100000
            },
            "keepHourly": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 100000
            },
            "keepDaily": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 100000
            },
            "keepWeekly": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 100000
            },
            "keepMonthly": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 100000
            },
            "keepYearly": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 100000
            },
            "keepWithin": {
             "type": "string",
             "minLength": 2,
             "maxLength": 24,
             "pattern": "^([1-9][0-9]{0,4}y)?([1-9][0-9]{0,4}m)?([1-9][0-9]{0,4}d)?([1-9][0-9]{0,4}h)?$",
             "description": "As restic writes durations: 2y5m7d3h; never zero."
            },
            "keepTags": {
             "type": "array",
             "maxItems": 32,
             "x-kubernetes-list-type": "set",
             "items": {
              "type": "string",
              "minLength": 1,
              "maxLength": 256,
              "pattern": "^[^,\\x00-\\x1f]+$"
             },
             "description": "Snapshots with one of these tags are always kept."
            }
           }
          },
          "retry": {
           "type": "object",
           "required": [
            "maxAttempts"
           ],
           "description": "A failed backup is tried again within its job.",
           "properties": {
            "maxAttempts": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 10,
             "description": "Including the first."
            },
            "backoffSeconds": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 1800,
             "description": "Before the second attempt; doubles up to 30 minutes. Default 60."
            }
           }
          },
          "hooks": {
           "type": "object",
           "description": "Scripts around each backup of this group; default the host's.",
           "properties": {
            "pre": {
             "type": "object",
             "required": [
              "secretKeyRef"
             ],
             "description": "Script run before the backup, from a Secret labelled restic-manager.io/use: hook; when it fails or cannot be read nothing is backed up.",
             "properties": {
              "secretKeyRef": {
               "type": "object",
               "required": [
                "name",
                "key"
               ],
               "properties": {
                "name": {
                 "type": "string",
                 "minLength": 1,
                 "maxLength": 253,
                 "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
                },
                "key": {
                 "type": "string",
                 "minLength": 1,
                 "maxLength": 253,
                 "pattern": "^[-._a-zA-Z0-9]+$"
                }
               }
              }
             }
            },
            "post": {
             "type": "object",
             "required": [
              "secretKeyRef"
             ],
             "description": "Script run after the backup, however it ended; its failure is a warning.",
             "properties": {
              "secretKeyRef": {
               "type": "object",
               "required": [
                "name",
                "key"
               ],
               "properties": {
                "name": {
                 "type": "string",
                 "minLength": 1,
                 "maxLength": 253,
                 "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
                },
                "key": {
                 "type": "string",
                 "minLength": 1,
                 "maxLength": 253,
                 "pattern": "^[-._a-zA-Z0-9]+$"
                }
               }
              }
             }
            },
            "timeoutSeconds": {
             "type": "integer",
             "format": "int32",
             "minimum": 1,
             "maximum": 86400,
             "description": "A script that runs longer is ended and has failed; default 600."
            }
           }
          },
          "activeDeadlineSeconds": {
           "type": "integer",
           "format": "int32",
           "minimum": 1,
           "maximum": 2592000,
           "default": 86400,
           "description": "A backup that runs longer is stopped and Failed."
          },
          "suspend": {
           "type": "boolean",
           "description": "No scheduled backup of this group starts while true."
          }
         }
        },
        "status": {
         "type": "object",
         "properties": {
          "matchedHosts": {
           "type": "integer",
           "format": "int32",
           "minimum": 0
          },
          "tag": {
           "type": "string",
           "maxLength": 63,
           "description": "The tag in force."
          },
          "retention": {
           "type": "string",
           "maxLength": 256,
           "description": "The retention in restic's short words."
          },
          "lastBackupTime": {
           "type": "string",
           "format": "date-time"
          },
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation of the spec that the conditions speak of."
          },
          "conditions": {
           "type": "array",
           "maxItems": 16,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "items": {
            "type": "object",
            "required": [
             "type",
             "status",
             "lastTransitionTime",
             "reason",
             "message"
            ],
            "properties": {
             "type": {
              "type": "string",
              "maxLength": 316
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ]
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "minimum": 0
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time"
             },
             "reason": {
              "type": "string",
              "minLength": 1,
              "maxLength": 1024
             },
             "message": {
              "type": "string",
              "maxLength": 32768
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 }
};

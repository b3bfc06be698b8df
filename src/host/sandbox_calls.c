#include "host/sandbox_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

#define NAMESPACES                                                                                 \
    (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |     \
     CLONE_NEWCGROUP)
/* __O_TMPFILE comes with O_DIRECTORY, which a reader may say. */
#define OPEN_CHANGES ((unsigned)(O_ACCMODE | O_CREAT | O_TRUNC | (__O_TMPFILE & ~O_DIRECTORY)))
#define SOCKET_KIND  0xfU /* socket()'s type without its flags */

#define GROUP_ALWAYS (1U << 31) /* every process, whatever its groups */
#define GROUP_FILES  (SANDBOX_FILE_READ | SANDBOX_FILE_WRITE)
#define GROUP_INET   (SANDBOX_ACCEPT | SANDBOX_CONNECT)

/* A call that processes of any of the groups may make with any arguments. */
struct free_call {
    uint32_t groups;
    int call;
};

/* The filter sees numbers, not what pointers point at: arguments are held where they matter. */
struct held_call {
    uint32_t groups;
    int call;
    unsigned n_args;
    struct scmp_arg_cmp args[2];
};

static const struct free_call free_calls[] = {
  /* open descriptors */
    {GROUP_ALWAYS,       SCMP_SYS(read)             },
    {GROUP_ALWAYS,       SCMP_SYS(write)            },
    {GROUP_ALWAYS,       SCMP_SYS(readv)            },
    {GROUP_ALWAYS,       SCMP_SYS(writev)           },
    {GROUP_ALWAYS,       SCMP_SYS(pread64)          },
    {GROUP_ALWAYS,       SCMP_SYS(pwrite64)         },
    {GROUP_ALWAYS,       SCMP_SYS(preadv)           },
    {GROUP_ALWAYS,       SCMP_SYS(pwritev)          },
    {GROUP_ALWAYS,       SCMP_SYS(lseek)            },
    {GROUP_ALWAYS,       SCMP_SYS(close)            },
    {GROUP_ALWAYS,       SCMP_SYS(fstat)            },
    {GROUP_ALWAYS,       SCMP_SYS(ftruncate)        },
    {GROUP_ALWAYS,       SCMP_SYS(dup)              },
    {GROUP_ALWAYS,       SCMP_SYS(dup2)             },
    {GROUP_ALWAYS,       SCMP_SYS(dup3)             },
    {GROUP_ALWAYS,       SCMP_SYS(pipe2)            },
    {GROUP_ALWAYS,       SCMP_SYS(eventfd2)         },
    {GROUP_ALWAYS,       SCMP_SYS(memfd_create)     },
    {GROUP_ALWAYS,       SCMP_SYS(poll)             },
    {GROUP_ALWAYS,       SCMP_SYS(ppoll)            },
    {GROUP_ALWAYS,       SCMP_SYS(select)           },
    {GROUP_ALWAYS,       SCMP_SYS(pselect6)         },
    {GROUP_ALWAYS,       SCMP_SYS(epoll_create1)    },
    {GROUP_ALWAYS,       SCMP_SYS(epoll_ctl)        },
    {GROUP_ALWAYS,       SCMP_SYS(epoll_wait)       },
    {GROUP_ALWAYS,       SCMP_SYS(epoll_pwait)      },
 /* connected sockets */
    {GROUP_ALWAYS,       SCMP_SYS(sendmsg)          },
    {GROUP_ALWAYS,       SCMP_SYS(recvmsg)          },
    {GROUP_ALWAYS,       SCMP_SYS(sendto)           },
    {GROUP_ALWAYS,       SCMP_SYS(recvfrom)         },
    {GROUP_INET,         SCMP_SYS(shutdown)         }, /* our ends of what is shared need none */
    {GROUP_ALWAYS,       SCMP_SYS(getsockopt)       },
    {GROUP_ALWAYS,       SCMP_SYS(getsockname)      },
    {GROUP_ALWAYS,       SCMP_SYS(getpeername)      },
 /* memory */
    {GROUP_ALWAYS,       SCMP_SYS(brk)              },
    {GROUP_ALWAYS,       SCMP_SYS(munmap)           },
    {GROUP_ALWAYS,       SCMP_SYS(mremap)           },
    {GROUP_ALWAYS,       SCMP_SYS(madvise)          },
    {GROUP_ALWAYS,       SCMP_SYS(mlock)            },
    {GROUP_ALWAYS,       SCMP_SYS(mlock2)           },
    {GROUP_ALWAYS,       SCMP_SYS(munlock)          },
    {GROUP_ALWAYS,       SCMP_SYS(membarrier)       },
 /* threads, signals, clocks, who am I */
    {GROUP_ALWAYS,       SCMP_SYS(futex)            },
    {GROUP_ALWAYS,       SCMP_SYS(set_robust_list)  },
    {GROUP_ALWAYS,       SCMP_SYS(set_tid_address)  },
    {GROUP_ALWAYS,       SCMP_SYS(rseq)             },
    {GROUP_ALWAYS,       SCMP_SYS(sched_yield)      },
    {GROUP_ALWAYS,       SCMP_SYS(sched_getaffinity)},
    {GROUP_ALWAYS,       SCMP_SYS(getcpu)           },
    {GROUP_ALWAYS,       SCMP_SYS(rt_sigaction)     },
    {GROUP_ALWAYS,       SCMP_SYS(rt_sigprocmask)   },
    {GROUP_ALWAYS,       SCMP_SYS(rt_sigreturn)     },
    {GROUP_ALWAYS,       SCMP_SYS(rt_sigtimedwait)  },
    {GROUP_ALWAYS,       SCMP_SYS(sigaltstack)      },
    {GROUP_ALWAYS,       SCMP_SYS(restart_syscall)  },
    {GROUP_ALWAYS,       SCMP_SYS(nanosleep)        },
    {GROUP_ALWAYS,       SCMP_SYS(clock_nanosleep)  },
    {GROUP_ALWAYS,       SCMP_SYS(clock_gettime)    },
    {GROUP_ALWAYS,       SCMP_SYS(clock_getres)     },
    {GROUP_ALWAYS,       SCMP_SYS(gettimeofday)     },
    {GROUP_ALWAYS,       SCMP_SYS(time)             },
    {GROUP_ALWAYS,       SCMP_SYS(getrandom)        },
    {GROUP_ALWAYS,       SCMP_SYS(getrusage)        },
    {GROUP_ALWAYS,       SCMP_SYS(sysinfo)          },
    {GROUP_ALWAYS,       SCMP_SYS(uname)            },
    {GROUP_ALWAYS,       SCMP_SYS(getpid)           },
    {GROUP_ALWAYS,       SCMP_SYS(getppid)          },
    {GROUP_ALWAYS,       SCMP_SYS(gettid)           },
    {GROUP_ALWAYS,       SCMP_SYS(getuid)           },
    {GROUP_ALWAYS,       SCMP_SYS(geteuid)          },
    {GROUP_ALWAYS,       SCMP_SYS(getgid)           },
    {GROUP_ALWAYS,       SCMP_SYS(getegid)          },
    {GROUP_ALWAYS,       SCMP_SYS(exit)             },
    {GROUP_ALWAYS,       SCMP_SYS(exit_group)       },
 /* files */
    {GROUP_FILES,        SCMP_SYS(newfstatat)       },
    {GROUP_FILES,        SCMP_SYS(stat)             },
    {GROUP_FILES,        SCMP_SYS(lstat)            },
    {GROUP_FILES,        SCMP_SYS(statx)            },
    {GROUP_FILES,        SCMP_SYS(access)           },
    {GROUP_FILES,        SCMP_SYS(faccessat)        },
    {GROUP_FILES,        SCMP_SYS(faccessat2)       },
    {GROUP_FILES,        SCMP_SYS(getdents64)       },
    {GROUP_FILES,        SCMP_SYS(readlink)         },
    {GROUP_FILES,        SCMP_SYS(readlinkat)       },
    {GROUP_FILES,        SCMP_SYS(getcwd)           },
    {GROUP_FILES,        SCMP_SYS(statfs)           },
    {GROUP_FILES,        SCMP_SYS(fstatfs)          },
    {GROUP_FILES,        SCMP_SYS(flock)            },
    {GROUP_FILES,        SCMP_SYS(fadvise64)        },
    {SANDBOX_FILE_WRITE, SCMP_SYS(openat)           },
    {SANDBOX_FILE_WRITE, SCMP_SYS(open)             },
    {SANDBOX_FILE_WRITE, SCMP_SYS(fsync)            },
    {SANDBOX_FILE_WRITE, SCMP_SYS(fdatasync)        },
    {SANDBOX_FILE_WRITE, SCMP_SYS(sync_file_range)  },
    {SANDBOX_FILE_WRITE, SCMP_SYS(fallocate)        },
    {SANDBOX_FILE_WRITE, SCMP_SYS(rename)           },
    {SANDBOX_FILE_WRITE, SCMP_SYS(renameat)         },
    {SANDBOX_FILE_WRITE, SCMP_SYS(renameat2)        },
    {SANDBOX_FILE_WRITE, SCMP_SYS(link)             },
    {SANDBOX_FILE_WRITE, SCMP_SYS(linkat)           },
    {SANDBOX_FILE_WRITE, SCMP_SYS(unlink)           },
    {SANDBOX_FILE_WRITE, SCMP_SYS(unlinkat)         },
    {SANDBOX_FILE_WRITE, SCMP_SYS(mkdir)            },
    {SANDBOX_FILE_WRITE, SCMP_SYS(mkdirat)          },
    {SANDBOX_FILE_WRITE, SCMP_SYS(rmdir)            },
    {SANDBOX_FILE_WRITE, SCMP_SYS(fchmod)           },
    {SANDBOX_FILE_WRITE, SCMP_SYS(umask)            },
    {SANDBOX_FILE_WRITE, SCMP_SYS(utimensat)        },
 /* the network */
    {SANDBOX_ACCEPT,     SCMP_SYS(accept)           },
    {SANDBOX_ACCEPT,     SCMP_SYS(accept4)          },
    {SANDBOX_CONNECT,    SCMP_SYS(connect)          },
    {SANDBOX_CONNECT,    SCMP_SYS(bind)             },
    {SANDBOX_CONNECT,    SCMP_SYS(sendmmsg)         },
    {SANDBOX_CONNECT,    SCMP_SYS(recvmmsg)         },
 /* copies of this process */
    {SANDBOX_FORK,       SCMP_SYS(seccomp)          }, /* filters on top of this one */
    {SANDBOX_FORK,       SCMP_SYS(wait4)            },
    {SANDBOX_FORK,       SCMP_SYS(waitid)           },
    {SANDBOX_FORK,       SCMP_SYS(kill)             }, /* reaches its own kind: uid, landlock's scope */
};

#define ARG(n, comparison, ...)                                                                    \
    {                                                                                              \
        n, comparison, __VA_ARGS__                                                                 \
    }

static const struct held_call held_calls[] = {
  /* code stays what was loaded before the walls went up */
    {GROUP_ALWAYS,                  SCMP_SYS(mmap),       1, {ARG(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}                                             },
    {GROUP_ALWAYS,                  SCMP_SYS(mprotect),   1, {ARG(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)}                                             },
    {SANDBOX_MAP_EXEC,              SCMP_SYS(mmap),       1, {ARG(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)}                                     },
    {SANDBOX_MAP_EXEC,              SCMP_SYS(mprotect),   1, {ARG(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)}                                     },
    {GROUP_ALWAYS,
     SCMP_SYS(clone),
     1,                                                      {ARG(0, SCMP_CMP_MASKED_EQ, NAMESPACES | CLONE_THREAD, CLONE_THREAD)}                  },
    {SANDBOX_FORK,
     SCMP_SYS(clone),
     1,                                                      {ARG(0, SCMP_CMP_MASKED_EQ, NAMESPACES | CLONE_THREAD | CLONE_VM, 0)}                  },
 /* no signals to others by way of a descriptor's owner */
    {GROUP_ALWAYS,                  SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_DUPFD)}                                                         },
    {GROUP_ALWAYS,                  SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_DUPFD_CLOEXEC)}                                                 },
    {GROUP_ALWAYS,                  SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_GETFD)}                                                         },
    {GROUP_ALWAYS,                  SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_SETFD)}                                                         },
    {GROUP_ALWAYS,                  SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_GETFL)}                                                         },
    {GROUP_ALWAYS,                  SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_SETFL)}                                                         },
    {GROUP_ALWAYS,                  SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_GET_SEALS)}                                                     },
    {GROUP_ALWAYS,                  SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_ADD_SEALS)}                                                     },
    {GROUP_FILES,                   SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_GETLK)}                                                         },
    {GROUP_FILES,                   SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_SETLK)}                                                         },
    {GROUP_FILES,                   SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_SETLKW)}                                                        },
    {GROUP_FILES,                   SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_OFD_GETLK)}                                                     },
    {GROUP_FILES,                   SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_OFD_SETLK)}                                                     },
    {GROUP_FILES,                   SCMP_SYS(fcntl),      1, {ARG(1, SCMP_CMP_EQ, F_OFD_SETLKW)}                                                    },
 /* fstat() of older C libraries; paths only for those who have files */
    {GROUP_ALWAYS,
     SCMP_SYS(newfstatat),
     1,                                                      {ARG(3, SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH)}                             },
    {SANDBOX_FILE_READ,             SCMP_SYS(openat),     1, {ARG(2, SCMP_CMP_MASKED_EQ, OPEN_CHANGES, 0)}                                          },
    {SANDBOX_FILE_READ,             SCMP_SYS(open),       1, {ARG(1, SCMP_CMP_MASKED_EQ, OPEN_CHANGES, 0)}                                          },
    {GROUP_ALWAYS,
     SCMP_SYS(setpriority),
     2,                                                      {ARG(0, SCMP_CMP_EQ, PRIO_PROCESS), ARG(1, SCMP_CMP_EQ, 0)}                            }, /* its own */
    {GROUP_ALWAYS,                  SCMP_SYS(prctl),      1, {ARG(0, SCMP_CMP_EQ, PR_SET_NAME)}                                                     },
    {SANDBOX_FORK,
     SCMP_SYS(prctl),
     2,                                                      {ARG(0, SCMP_CMP_EQ, PR_SET_PDEATHSIG), ARG(1, SCMP_CMP_EQ, SIGKILL)}                  },
    {GROUP_ALWAYS,                  SCMP_SYS(prlimit64),  1, {ARG(2, SCMP_CMP_EQ, 0)}                                                               }, /* to look */
    {SANDBOX_FORK | SANDBOX_LIMITS,
     SCMP_SYS(prlimit64),
     1,                                                      {ARG(0, SCMP_CMP_EQ, 0)}                                                               }, /* its own limits */
  /* connected for good: a pair of datagram sockets could send to any name */
    {GROUP_ALWAYS,
     SCMP_SYS(socketpair),
     2,                                                      {ARG(0, SCMP_CMP_EQ, AF_UNIX), ARG(1, SCMP_CMP_MASKED_EQ, SOCKET_KIND, SOCK_SEQPACKET)}},
    {GROUP_ALWAYS,
     SCMP_SYS(socketpair),
     2,                                                      {ARG(0, SCMP_CMP_EQ, AF_UNIX), ARG(1, SCMP_CMP_MASKED_EQ, SOCKET_KIND, SOCK_STREAM)}   },
 /* nothing that stays with a listening socket when we are gone, such as a filter */
    {GROUP_ALWAYS,
     SCMP_SYS(setsockopt),
     2,                                                      {ARG(1, SCMP_CMP_EQ, SOL_SOCKET), ARG(2, SCMP_CMP_EQ, SO_RCVTIMEO)}                    },
    {GROUP_ALWAYS,
     SCMP_SYS(setsockopt),
     2,                                                      {ARG(1, SCMP_CMP_EQ, SOL_SOCKET), ARG(2, SCMP_CMP_EQ, SO_SNDTIMEO)}                    },
    {GROUP_ALWAYS,
     SCMP_SYS(setsockopt),
     2,                                                      {ARG(1, SCMP_CMP_EQ, SOL_SOCKET), ARG(2, SCMP_CMP_EQ, SO_KEEPALIVE)}                   },
    {SANDBOX_CONNECT,
     SCMP_SYS(setsockopt),
     2,                                                      {ARG(1, SCMP_CMP_EQ, SOL_SOCKET), ARG(2, SCMP_CMP_EQ, SO_REUSEADDR)}                   },
    {SANDBOX_CONNECT,
     SCMP_SYS(setsockopt),
     2,                                                      {ARG(1, SCMP_CMP_EQ, SOL_SOCKET), ARG(2, SCMP_CMP_EQ, SO_REUSEPORT)}                   },
    {SANDBOX_CONNECT,
     SCMP_SYS(setsockopt),
     2,                                                      {ARG(1, SCMP_CMP_EQ, SOL_SOCKET), ARG(2, SCMP_CMP_EQ, SO_RCVBUF)}                      },
    {SANDBOX_CONNECT,
     SCMP_SYS(setsockopt),
     2,                                                      {ARG(1, SCMP_CMP_EQ, SOL_SOCKET), ARG(2, SCMP_CMP_EQ, SO_SNDBUF)}                      },
    {SANDBOX_ACCEPT,
     SCMP_SYS(setsockopt),
     2,                                                      {ARG(1, SCMP_CMP_EQ, IPPROTO_TCP), ARG(2, SCMP_CMP_EQ, TCP_NODELAY)}                   },
    {SANDBOX_CONNECT,               SCMP_SYS(setsockopt), 1, {ARG(1, SCMP_CMP_EQ, IPPROTO_TCP)}                                                     },
    {SANDBOX_CONNECT,               SCMP_SYS(setsockopt), 1, {ARG(1, SCMP_CMP_EQ, IPPROTO_IP)}                                                      },
    {SANDBOX_CONNECT,               SCMP_SYS(setsockopt), 1, {ARG(1, SCMP_CMP_EQ, IPPROTO_IPV6)}                                                    },
    {SANDBOX_CONNECT,               SCMP_SYS(ioctl),      1, {ARG(1, SCMP_CMP_EQ, FIONBIO)}                                                         },
    {SANDBOX_CONNECT,
     SCMP_SYS(socket),
     2,                                                      {ARG(0, SCMP_CMP_EQ, AF_INET), ARG(1, SCMP_CMP_MASKED_EQ, SOCKET_KIND, SOCK_STREAM)}   },
    {SANDBOX_CONNECT,
     SCMP_SYS(socket),
     2,                                                      {ARG(0, SCMP_CMP_EQ, AF_INET), ARG(1, SCMP_CMP_MASKED_EQ, SOCKET_KIND, SOCK_DGRAM)}    },
    {SANDBOX_CONNECT,
     SCMP_SYS(socket),
     2,                                                      {ARG(0, SCMP_CMP_EQ, AF_INET6), ARG(1, SCMP_CMP_MASKED_EQ, SOCKET_KIND, SOCK_STREAM)}  },
    {SANDBOX_CONNECT,
     SCMP_SYS(socket),
     2,                                                      {ARG(0, SCMP_CMP_EQ, AF_INET6), ARG(1, SCMP_CMP_MASKED_EQ, SOCKET_KIND, SOCK_DGRAM)}   },
};

/* What no honest process of ours ever does, so that doing it ends the process; not for processes
 * of the groups given. */
static const struct free_call deadly_calls[] = {
    {0,               SCMP_SYS(execve)           },
    {0,               SCMP_SYS(execveat)         },
    {0,               SCMP_SYS(ptrace)           },
    {0,               SCMP_SYS(process_vm_readv) },
    {0,               SCMP_SYS(process_vm_writev)},
    {0,               SCMP_SYS(pidfd_open)       },
    {0,               SCMP_SYS(pidfd_getfd)      },
    {0,               SCMP_SYS(kcmp)             },
    {0,               SCMP_SYS(vfork)            },
    {0,               SCMP_SYS(bpf)              },
    {0,               SCMP_SYS(perf_event_open)  },
    {0,               SCMP_SYS(io_uring_setup)   },
    {0,               SCMP_SYS(io_uring_enter)   },
    {0,               SCMP_SYS(io_uring_register)},
    {0,               SCMP_SYS(userfaultfd)      },
    {0,               SCMP_SYS(unshare)          },
    {0,               SCMP_SYS(setns)            },
    {0,               SCMP_SYS(mount)            },
    {0,               SCMP_SYS(umount2)          },
    {0,               SCMP_SYS(open_tree)        },
    {0,               SCMP_SYS(move_mount)       },
    {0,               SCMP_SYS(fsopen)           },
    {0,               SCMP_SYS(pivot_root)       },
    {0,               SCMP_SYS(chroot)           },
    {0,               SCMP_SYS(mknodat)          },
    {0,               SCMP_SYS(open_by_handle_at)},
    {0,               SCMP_SYS(init_module)      },
    {0,               SCMP_SYS(finit_module)     },
    {0,               SCMP_SYS(delete_module)    },
    {0,               SCMP_SYS(kexec_load)       },
    {0,               SCMP_SYS(kexec_file_load)  },
    {0,               SCMP_SYS(add_key)          },
    {0,               SCMP_SYS(request_key)      },
    {0,               SCMP_SYS(keyctl)           },
    {0,               SCMP_SYS(setuid)           },
    {0,               SCMP_SYS(setgid)           },
    {0,               SCMP_SYS(setreuid)         },
    {0,               SCMP_SYS(setregid)         },
    {0,               SCMP_SYS(setresuid)        },
    {0,               SCMP_SYS(setresgid)        },
    {0,               SCMP_SYS(setfsuid)         },
    {0,               SCMP_SYS(setgroups)        },
    {0,               SCMP_SYS(capset)           },
    {0,               SCMP_SYS(modify_ldt)       },
    {0,               SCMP_SYS(iopl)             },
    {0,               SCMP_SYS(ioperm)           },
    {0,               SCMP_SYS(listen)           },
    {SANDBOX_CONNECT, SCMP_SYS(socket)           },
    {SANDBOX_CONNECT, SCMP_SYS(connect)          },
    {SANDBOX_CONNECT, SCMP_SYS(bind)             },
};

typedef void *filter;

OWN_BY(filter, void, seccomp_release)

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* -EDOM: this architecture does not know the call. -EACCES: the filter does so anyway. */
static bool harmless(int rc)
{
    return rc == 0 || rc == -EDOM || rc == -EACCES || rc == -EEXIST;
}

/* abort(3): of this process alone, but for those who copy themselves and have other numbers then. In a
 * copy's own filter the number is its mould's, and abort(3) ends it by an illegal instruction. */
static int allow_abort(filter f, uint64_t groups)
{
    const struct scmp_arg_cmp args[] = {
        ARG(2, SCMP_CMP_EQ, SIGABRT),
        ARG(0, SCMP_CMP_EQ, (scmp_datum_t)getpid()),
    };
    return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill),
                                  groups & SANDBOX_FORK ? 1 : 2, args);
}

static int add_rules(filter f, uint64_t groups)
{
    const uint32_t deadly = SANDBOX_SANITIZED ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS;
    int rc = 0;

    for (size_t i = 0; i < COUNT(free_calls) && harmless(rc); i++) {
        if (free_calls[i].groups & groups) {
            rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, free_calls[i].call, 0);
        }
    }
    for (size_t i = 0; i < COUNT(held_calls) && harmless(rc); i++) {
        const struct held_call *h = &held_calls[i];
        if (h->groups & groups) {
            rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, h->call, h->n_args, h->args);
        }
    }
    for (size_t i = 0; i < COUNT(deadly_calls) && harmless(rc); i++) {
        if (!(deadly_calls[i].groups & groups)) {
            rc = seccomp_rule_add(f, deadly, deadly_calls[i].call, 0);
        }
    }
    return harmless(rc) ? 0 : rc;
}

/* The filter of the groups. On failure *f is as far as it came. */
static int build(filter *f, uint64_t groups)
{
    int rc = 0;

    *f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    groups |= GROUP_ALWAYS | (SANDBOX_SANITIZED ? SANDBOX_MAP_EXEC : 0);
    if (!*f) {
        return -ENOMEM;
    }
    if ((rc = seccomp_attr_set(*f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) != 0 ||
        /* a tree instead of a list */
        (rc = seccomp_attr_set(*f, SCMP_FLTATR_CTL_OPTIMIZE, 2)) != 0) {
        return rc;
    }
    if (!(groups & GROUP_FILES) && /* libraries look for files that may be missing */
        (rc = seccomp_rule_add(*f, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(openat), 0)) != 0) {
        return rc;
    }
    rc = add_rules(*f, groups);
    return rc ? rc : allow_abort(*f, groups);
}

bool sandbox_limit_calls(uint64_t groups, struct error *e)
{
    OWN(filter) filter f = NULL;
    int rc = build(&f, groups);

    if (rc == 0) {
        rc = seccomp_load(f);
    }
    errno = -rc;
    return rc == 0 || error_errno(e, ERROR_CONFIG, "sandbox: limit the system calls");
}

bool sandbox_prepare_narrowing(uint64_t groups, int *fd, struct error *e)
{
    OWN(filter) filter f = NULL;
    OWN(fd) int made = memfd_create("filter", MFD_CLOEXEC);
    int rc = made < 0 ? -errno : build(&f, groups);

    if (rc == 0) {
        rc = seccomp_export_bpf(f, made);
    }
    if (rc != 0) {
        errno = -rc;
        return error_errno(e, ERROR_BUSY, "sandbox: prepare a narrower filter");
    }
    *fd = TAKE(made, -1);
    return true;
}

bool sandbox_narrow(int fd, struct error *e)
{
    struct sock_filter program[BPF_MAXINSNS];
    ssize_t len = pread(fd, program, sizeof(program), 0);

    if (len <= 0 || (size_t)len % sizeof(program[0]) != 0) {
        return error_errno(e, ERROR_CONFIG, "sandbox: read a filter");
    }
    struct sock_fprog whole = {(unsigned short)((size_t)len / sizeof(program[0])), program};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &whole) == 0 ||
           error_errno(e, ERROR_CONFIG, "sandbox: narrow the system calls");
}

/* Of what is deadly, the socket calls are refused to everybody here; execve() alone is let through. */
bool sandbox_refuse_calls(struct error *e)
{
    static const int more[] = {SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(tgkill),
                               SCMP_SYS(rt_sigqueueinfo)};
    OWN(filter) filter f = seccomp_init(SCMP_ACT_ALLOW);
    int rc = f ? 0 : -ENOMEM;

    for (size_t i = 0; i < COUNT(deadly_calls) && harmless(rc); i++) {
        if (deadly_calls[i].call != SCMP_SYS(execve)) {
            rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), deadly_calls[i].call, 0);
        }
    }
    for (size_t i = 0; i < COUNT(more) && harmless(rc); i++) {
        rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), more[i], 0);
    }
    rc = harmless(rc) ? seccomp_load(f) : rc;
    errno = -rc;
    return rc == 0 || error_errno(e, ERROR_CONFIG, "sandbox: refuse system calls");
}

# Files that hold secrets, and the directories that they lie in.
for path in ("/etc/shadow", "/etc/passwd", "/etc/hostname", "/etc/environment", "/etc/ssl/private/key.pem",
             "/root/.ssh/id_ed25519", "/root/.aws/credentials", "/root/.bashrc", "/proc/cmdline", "/proc/kcore",
             "/sys/kernel/security/lsm", "/var/run/secrets/kubernetes.io/serviceaccount/token", "/run/secrets/key",
             "/dev/mem", "/dev/kmsg", "/dev/tty", "/dev/sda", "/dev/console", "/dev/fuse", "/dev/kvm"):
    attempt(f"read {path}", open, path, "rb")
for path in ("/", "/etc", "/root", "/home", "/tmp", "/var", "/run", "/proc", "/sys", "/dev", "/opt", "/srv", "/mnt"):
    attempt(f"list {path}", os.listdir, path)

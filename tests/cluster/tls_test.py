"""Everything over TLS: both kinds of sockets, all daemons, and who is turned away."""
import subprocess
import unittest

from harness import Cluster, ClusterTest, main, wait_for


class TlsTest(ClusterTest):
    options = {"nodes": 2, "flags": ["--tls"]}

    def on_login_host(self, *command, **options):
        return self.cluster.run("reeve", "cluster", "exec", "--dir", self.cluster.folder, "login", "--",
                                *command, **options)

    def test_all_commands_by_both_kinds_of_sockets(self):
        for run in (self.cluster.run, self.on_login_host):
            self.assertIn("tls/s2n", run("scontrol", "show", "config").stdout)
            job = int(run("sbatch", "--parsable", "-N2", "--wrap", "srun hostname").stdout)
            self.cluster.wait_job(job)
            self.assertEqual(self.cluster.wait_accounted(job), "COMPLETED|0:0")
            output = (self.cluster.work / f"slurm-{job}.out").read_text().split()
            self.assertEqual(sorted(output), ["n1", "n2"])
            echoed = run("srun", "-N1", "cat", stdin="through it\n").stdout
            self.assertEqual(echoed, "through it\n")
            self.assertIn(str(job), run("sacct", "-X", "-n", "-o", "JobID").stdout)
            self.assertIn("debug", run("sinfo", "-h").stdout)
            self.assertEqual(run("squeue", "-h").stdout, "")

    def test_plain_text_and_strangers_certificates_are_turned_away(self):
        conf = (self.cluster.folder / "slurm.conf").read_text()
        plain = self.write("plain.conf", "".join(line + "\n" for line in conf.splitlines()
                                                 if not line.startswith("TLS")) + "MessageTimeout=1\n")
        result = self.cluster.run("squeue", env={"SLURM_CONF": str(plain)}, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("Unable to contact slurm controller", result.stderr)
        stranger = self.cluster.work / "stranger.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-subj", "/CN=stranger", "-addext", "subjectAltName=DNS:ctl",
                        "-keyout", "/dev/null", "-out", stranger], check=True, capture_output=True)
        other = self.write("other.conf", conf.replace(f"{self.cluster.folder}/tls/ca_cert.pem", str(stranger)) +
                           "MessageTimeout=1\n")
        result = self.cluster.run("squeue", env={"SLURM_CONF": str(other)}, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("Unable to contact slurm controller", result.stderr)

    def test_the_configuration_is_fetched_over_it(self):
        def fetch(*variables):
            return self.on_login_host("env", "-u", "SLURM_CONF", "SLURM_CONF_SERVER=ctl",
                                      f"MUNGE_SOCKET={self.cluster.folder}/run/munge.sock", *variables,
                                      "scontrol", "show", "config", check=False)
        fetched = fetch(f"REEVE_CA_CERT_FILE={self.cluster.folder}/tls/ca_cert.pem")
        self.assertEqual(fetched.returncode, 0, fetched.stderr)
        self.assertIn("tls/s2n", fetched.stdout)
        self.assertNotEqual(fetch().returncode, 0, "in plain text")

    def test_a_restarted_daemon_is_trusted_again(self):
        pids = self.cluster.daemon_pids()
        for name in ("reevectld", "reevedbd"):
            pid = pids[name]
            subprocess.run(["kill", "-9", str(pid)], check=True)
            wait_for(f"{name} to be gone", lambda: self.cluster.daemon_pids().get(name) != pid)
        self.cluster.up()
        job = self.cluster.submit("--wrap", "true")
        self.cluster.wait_job(job)
        self.assertEqual(self.cluster.wait_accounted(job), "COMPLETED|0:0")


if __name__ == "__main__":
    main()

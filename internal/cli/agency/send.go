package agency

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"heatwatch/etl/deidentify"
	"heatwatch/etl/partner"
	"heatwatch/etl/send"
	"heatwatch/internal/cli"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

const sftpKeyName = "sftp_key"

// Send uploads a finished drop and fetches its receipt.
func Send(app *cli.App) *cobra.Command {
	var kit, key, only string
	cmd := &cobra.Command{Use: "send --kit DIR DROP", Short: "Upload a drop to the warehouse, and fetch its receipt", Args: cobra.MaximumNArgs(1),
		Long: `Uploads a drop that deidentify made, over SFTP, to the one server whose key your kit names, the manifest last. A try that was
cut off goes on where it ended. The receipt comes after the warehouse's next night: run the same command the day after, or
send --receipt NAME. It is kept in the kit's folder receipts/.

Exit 0: sent, or accepted; 3: this is not the server of your kit, or something identifying was found; 4: something of the drop
was not taken, the receipt says what.`,
		Example: `  heatwatch send key --kit kit
  heatwatch send --kit kit drops/2026-10-01
  heatwatch send --kit kit --receipt 2026-10-01`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (only != "") {
				return problem.New(problem.Usage, "send", "name a drop, or --receipt and the name of one", "for instance: send --kit kit drops/2026-10-01")
			}
			k, err := partner.LoadKit(kit)
			if err != nil {
				return err
			}
			cfg, err := sendConfig(k, key)
			if err != nil {
				return err
			}
			name := only
			var r send.Result
			if only != "" {
				r, err = send.Receipt(cmd.Context(), cfg, only)
			} else {
				r, err = sendDrop(app, cmd, cfg, k, args[0])
				name = filepath.Base(filepath.Clean(args[0]))
			}
			if err != nil {
				return err
			}
			return showReceipt(app, k, name, r)
		}}
	f := cmd.Flags()
	f.StringVar(&kit, "kit", "", "the folder that the warehouse handed over")
	f.StringVar(&key, "key", "", "your private SSH key, without a passphrase (default: sftp_key in the kit)")
	f.StringVar(&only, "receipt", "", "send nothing, fetch the receipt of the drop of this name")
	cmd.MarkFlagRequired("kit")
	cmd.AddCommand(sendKey(app))
	return cmd
}

func sendDrop(app *cli.App, cmd *cobra.Command, cfg send.Config, k partner.Kit, dir string) (send.Result, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return send.Result{}, err
	}
	if deidentify.Within(dir, k.Dir) {
		return send.Result{}, problem.New(problem.Refused, dir, "the drop lies in the folder of the kit, which holds keys and keymaps", "put drops elsewhere")
	}
	line := &progressLine{w: app.Err, clock: app.System}
	if cli.Terminal(app.Err) {
		cfg.Progress = func(file string, sent, size int64) {
			line.say(fmt.Sprintf("%s: %d of %d KB", file, sent>>10, size>>10))
		}
	}
	r, err := send.Drop(cmd.Context(), cfg, dir)
	line.clear()
	if err == nil && r.Files > 0 {
		fmt.Fprintf(app.Err, "sent %s of %s: %d files, %d KB", filepath.Base(dir), k.Partner, r.Files, r.Bytes>>10)
		if r.Skipped > 0 {
			fmt.Fprintf(app.Err, "; %d were there already", r.Skipped)
		}
		fmt.Fprintln(app.Err)
	}
	return r, err
}

func sendConfig(k partner.Kit, key string) (send.Config, error) {
	host, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k.HostKey))
	if err != nil {
		return send.Config{}, problem.New(problem.Usage, "kit.json", "the kit names no key of the server", "ask the warehouse for a new kit")
	}
	if key == "" {
		key = filepath.Join(k.Dir, sftpKeyName)
	}
	b, err := os.ReadFile(key)
	if errors.Is(err, fs.ErrNotExist) {
		return send.Config{}, problem.Wrap(err, problem.Usage, key, "you have no key for the server yet", "make one with `send key --kit DIR`, and give its public line to the programme office")
	}
	if err != nil {
		return send.Config{}, problem.Wrap(err, problem.Usage, key, "your key cannot be read", "check the permissions")
	}
	signer, err := ssh.ParsePrivateKey(b)
	if err != nil {
		return send.Config{}, problem.New(problem.Usage, key, "this is no private SSH key without a passphrase", "make one with `send key --kit DIR`")
	}
	return send.Config{Address: k.Address, Partner: k.Partner, Key: signer, HostKey: host}, nil
}

// showReceipt prints and keeps a receipt, and ends as it says.
func showReceipt(app *cli.App, k partner.Kit, name string, r send.Result) error {
	if r.Receipt == nil {
		fmt.Fprintf(app.Err, "there is no receipt of %s yet: it comes after the warehouse's next night. Fetch it with `send --kit DIR --receipt %s`.\n", name, name)
		return nil
	}
	state, leak, err := send.State(r.Receipt)
	if err != nil {
		return problem.Wrap(err, problem.Failed, name, "the receipt cannot be read", "call the programme office")
	}
	dir := filepath.Join(k.Dir, "receipts")
	if err := durable.MkdirAll(durable.OS(), dir, 0o700); err == nil {
		for ending, b := range map[string][]byte{".json": r.Receipt, ".txt": r.Text} {
			if err := durable.Replace(durable.OS(), filepath.Join(dir, name+ending), b, 0o600); err != nil {
				fmt.Fprintln(app.Err, "the receipt could not be kept in the kit's folder")
			}
		}
	}
	fmt.Fprintf(app.Out, "%s", r.Text)
	switch {
	case leak:
		return cli.Done(problem.Refused)
	case state != "accepted":
		return cli.Done(problem.Quarantined)
	}
	return nil
}

func sendKey(app *cli.App) *cobra.Command {
	var kit string
	cmd := &cobra.Command{Use: "key --kit DIR", Short: "Make your key for the server, and print its public line", Args: cobra.NoArgs,
		Long:    "Makes a key in the kit's folder (sftp_key, readable by you alone) unless there is one, and prints its public line. The programme office enrols that line; the key stays here.",
		Example: "  heatwatch send key --kit kit > our-key.pub",
		RunE: func(*cobra.Command, []string) error {
			k, err := partner.LoadKit(kit)
			if err != nil {
				return err
			}
			path := filepath.Join(k.Dir, sftpKeyName)
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				if err := makeKey(path, k.Partner); err != nil {
					return err
				}
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return problem.Wrap(err, problem.Failed, path, "the key cannot be read", "check the permissions")
			}
			signer, err := ssh.ParsePrivateKey(b)
			if err != nil {
				return problem.New(problem.Usage, path, "this is no private SSH key without a passphrase", "move it away and run the command again")
			}
			fmt.Fprintf(app.Out, "%s %s\n", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), k.Partner)
			return nil
		}}
	cmd.Flags().StringVar(&kit, "kit", "", "the folder that the warehouse handed over")
	cmd.MarkFlagRequired("kit")
	return cmd
}

func makeKey(path, comment string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return err
	}
	if err := durable.Create(durable.OS(), path, pem.EncodeToMemory(block), 0o600); err != nil {
		return problem.Wrap(err, problem.Failed, path, "the key cannot be written", "check the permissions and the room on the disk")
	}
	return nil
}

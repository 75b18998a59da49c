package agency

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"heatwatch/etl/deidentify"
	"heatwatch/etl/partner"
	"heatwatch/internal/cli"
	"heatwatch/internal/durable"
	"heatwatch/internal/problem"
)

// ForgetRequest notes that the next drop asks for a person to be forgotten.
func ForgetRequest(app *cli.App) *cobra.Command {
	var kit string
	var accused bool
	cmd := &cobra.Command{Use: "forget-request --kit DIR OWN_NUMBER", Short: "Ask, with the next drop, that a person of yours be forgotten", Args: cobra.ExactArgs(1),
		Long: `Notes in the kit that the warehouse is to forget a person: under your pseudonym, never under your own number. The next drop that
deidentify makes takes the request along, sealed. The warehouse then removes all files of the person, those of other agencies too,
and keeps the person out. A minus sign for the number reads it from standard input.`,
		Example: "  heatwatch forget-request --kit kit 4711\n  heatwatch forget-request --kit kit - < number.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := partner.LoadKit(kit)
			if err != nil {
				return err
			}
			own := args[0]
			if own == "-" {
				line, _ := bufio.NewReader(app.In).ReadString('\n')
				own = line
			}
			if own = strings.TrimSpace(own); own == "" {
				return problem.New(problem.Usage, "OWN_NUMBER", "there is no number", "give the number under which you know the person")
			}
			population := "minors"
			if accused {
				population = "accused"
			}
			if err := deidentify.AskToForget(durable.OS(), k, population, own); err != nil {
				return err
			}
			fmt.Fprintln(app.Err, "noted: the next drop that you make asks the warehouse to forget this person")
			return nil
		}}
	cmd.Flags().StringVar(&kit, "kit", "", "the folder that the warehouse handed over")
	cmd.Flags().BoolVar(&accused, "accused", false, "the number is of an accused person")
	cmd.MarkFlagRequired("kit")
	return cmd
}

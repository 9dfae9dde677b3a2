namespace Warm;

/// <summary>The Python script that trains one run of a sweep with TRL. The run's file says everything; nothing of it is ever part of a command.</summary>
internal static class TrainingScript
{
    public const string FileName = "train_reward.py";

    public const string Text = """"
        """Trains one reward model of a sweep with TRL, as `warm sweep` planned it.

        Usage: python3 train_reward.py RUN.json      (in the folder from which the plan's paths are right)
        Needs trl, transformers and datasets. A run that is there already is left alone.
        """
        import json
        import os
        import sys

        # Where a config keeps its dropout. On Llama and its relatives attention_dropout alone acts; BERT has hidden_dropout_prob and attention_probs_dropout_prob, GPT-2 three of its own.
        DROPOUT = (
            "attention_dropout", "attention_probs_dropout_prob", "hidden_dropout", "hidden_dropout_prob", "attn_pdrop", "resid_pdrop", "embd_pdrop", "dropout", "activation_dropout",
            "embedding_dropout", "mlp_dropout", "classifier_dropout", "seq_classif_dropout", "summary_first_dropout", "pooler_dropout",
        )


        def main(path):
            with open(path, encoding="utf-8") as file:
                plan = json.load(file)
            run, out = plan["run"], plan["out"]
            if os.path.exists(os.path.join(out, "config.json")):
                print(f"{out}: is there already")
                return

            import torch
            from datasets import load_dataset
            from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
            from trl import RewardConfig, RewardTrainer

            # Before anything can fail: `warm sweep --collect` tells a run that stopped half-way by this file.
            os.makedirs(out, exist_ok=True)
            with open(os.path.join(out, "warm-run.json"), "w", encoding="utf-8") as file:
                json.dump(run, file, ensure_ascii=False, indent=2)

            config = AutoConfig.from_pretrained(run["start"])
            if "dropout" in run:
                text = config.get_text_config()
                # A number that is None follows another one, as classifier_dropout does hidden_dropout_prob.
                names = [name for name in DROPOUT if isinstance(getattr(text, name, None), (int, float))]
                if run["dropout"] > 0 and not names:
                    sys.exit(f"{run['start']}: its config has no dropout to set; take the dial out of the plan")
                for name in names:
                    setattr(text, name, run["dropout"])
            model, loading = AutoModelForSequenceClassification.from_pretrained(
                run["start"], config=config, dtype=getattr(torch, plan["dtype"]), output_loading_info=True)
            if loading["missing_keys"] or loading["mismatched_keys"] or config.num_labels != 1:
                sys.exit(f"{run['start']}: is no start with a head ({sorted(loading['missing_keys'])} would be random); make one with `warm baklava --write`")

            files = {"train": plan["train"]}
            if plan.get("evaluate"):
                files["evaluate"] = plan["evaluate"]
            data = load_dataset("json", data_files=files)
            # disable_dropout comes with the arguments: TRL's default, true, would make every dropout 0.
            arguments = RewardConfig(output_dir=out, **plan["arguments"])
            trainer = RewardTrainer(
                model=model, args=arguments, train_dataset=data["train"], eval_dataset=data.get("evaluate"), processing_class=AutoTokenizer.from_pretrained(run["start"]))
            trainer.train()
            trainer.save_state()
            trainer.save_model(out)


        if __name__ == "__main__":
            main(sys.argv[1])

        """";
}

using System.Text.Json;

namespace Warm;

/// <summary>
/// What a planned run may turn, by the names of TRL's RewardConfig (transformers 5, TRL 1.16), and <c>dropout</c>, which RewardConfig has not. What is not here is refused: a misspelt dial would train ten members alike.
/// </summary>
internal static class TrainerDials
{
    /// <summary>The dial that is written into the model's config, not into the trainer's.</summary>
    public const string Dropout = "dropout";

    private static readonly string[] Numbers =
    [
        "adam_beta1", "adam_beta2", "adam_epsilon", "center_rewards_coefficient", "eval_delay", "eval_steps", "label_smoothing_factor", "learning_rate", "logging_steps", "max_grad_norm", "neftune_noise_alpha",
        "num_train_epochs", "save_steps", "warmup_steps", "weight_decay",
    ];

    private static readonly string[] Counts =
    [
        "data_seed", "dataloader_num_workers", "dataset_num_proc", "ddp_timeout", "eval_accumulation_steps", "gradient_accumulation_steps", "max_length", "max_steps", "pad_to_multiple_of",
        "per_device_eval_batch_size", "per_device_train_batch_size", "save_total_limit", "seed", "torch_empty_cache_steps",
    ];

    private static readonly string[] Flags =
    [
        "activation_checkpointing", "activation_offloading", "auto_find_batch_size", "average_tokens_across_devices", "bf16", "bf16_full_eval", "dataloader_drop_last", "dataloader_persistent_workers",
        "dataloader_pin_memory", "ddp_broadcast_buffers", "ddp_find_unused_parameters", "disable_tqdm", "eval_on_start", "fp16", "fp16_full_eval", "full_determinism", "gradient_checkpointing", "greater_is_better",
        "load_best_model_at_end", "logging_first_step", "remove_unused_columns", "save_only_model", "save_on_each_node", "tf32", "torch_compile", "use_cpu", "use_liger_kernel",
    ];

    private static readonly string[] Texts = ["chat_template_path", "eval_strategy", "logging_strategy", "lr_scheduler_type", "metric_for_best_model", "optim", "optim_args", "report_to", "save_strategy", "torch_compile_backend", "torch_compile_mode", "train_sampling_strategy"];

    private static readonly string[] Objects = ["accelerator_config", "activation_checkpointing_kwargs", "gradient_checkpointing_kwargs", "liger_kernel_config", "lr_scheduler_kwargs"];

    /// <summary>All of them, with <see cref="Dropout"/>.</summary>
    public static IEnumerable<string> Names => [.. Numbers, .. Counts, .. Flags, .. Texts, .. Objects, Dropout];

    /// <summary>Names that TRL has and a plan sets elsewhere, with where.</summary>
    private static readonly Dictionary<string, string> Elsewhere = new()
    {
        ["output_dir"] = "the plan's \"out\" and the run's name make it",
        ["run_name"] = "the run's \"name\" is it",
        ["model_init_kwargs"] = "the script loads the start itself",
        ["disable_dropout"] = "the dial \"dropout\" decides it: above 0 it is false, for TRL switches dropout off by default",
        ["attention_dropout"] = "the dial is called \"dropout\"; it sets whatever dropout the start's config has",
        ["lr"] = "TRL calls it \"learning_rate\"",
        ["warmup_ratio"] = "transformers 5 calls it \"warmup_steps\", which is a share where it is below 1",
        ["group_by_length"] = "transformers 5 calls it \"train_sampling_strategy\": \"group_by_length\"",
        ["trust_remote_code"] = "code that comes with a model is never run",
    };

    /// <summary>Refuses a dial that is unknown or out of range.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its value.</param>
    /// <param name="where">Where it stands, for the message.</param>
    public static void Check(string name, JsonElement value, string where)
    {
        if (Elsewhere.TryGetValue(name, out string? why)) throw new WarmException(where, $"{JsonText.Quote(name)} is no dial: {why}", "a dial of TRL's RewardConfig, or dropout");
        bool count = Counts.Contains(name), number = count || name == Dropout || Numbers.Contains(name), known = number || Flags.Contains(name) || Texts.Contains(name) || Objects.Contains(name);
        if (!known)
        {
            throw new WarmException(where, $"unknown dial {JsonText.Quote(name)}", "a dial of TRL's RewardConfig, or dropout",
                Spelling.Closest(name, Names) is { } close ? $"Did you mean \"{close}\"?" : null);
        }
        if (value.ValueKind == JsonValueKind.Null && name != Dropout) return;
        string? wrong = number ? WrongNumber(name, value, count)
            : Flags.Contains(name) ? value.ValueKind is JsonValueKind.True or JsonValueKind.False ? null : "true or false"
            : Texts.Contains(name) ? value.ValueKind == JsonValueKind.String && TrainingRun.IsOneLine(value.GetString()!) ? null : "a text of one line"
            : value.ValueKind is JsonValueKind.Object or JsonValueKind.String ? null : "an object";
        if (wrong is not null) throw new WarmException(where, $"{JsonText.Quote(name)} is {JsonText.Show(value)}", wrong);
    }

    private static string? WrongNumber(string name, JsonElement value, bool count)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out double number) || !double.IsFinite(number)) return "a finite number";
        return name switch
        {
            "learning_rate" => number > 0 ? null : "a number above 0",
            Dropout => number is >= 0 and < 1 ? null : "a share from 0 to below 1",
            "seed" or "data_seed" => number is >= 0 and < 4294967296 && value.TryGetInt64(out _) ? null : "a whole number from 0 to 4294967295",
            _ => count && !value.TryGetInt32(out _) ? "a whole number" : null,
        };
    }
}

using System.Diagnostics;
using System.Text.Json.Nodes;
using Warm.Testing;
using Warm.Tests.Averaging;

namespace Warm.Tests.Diversity;

/// <summary>Plans, what is written of them, and what is found again.</summary>
public sealed class SweepTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static SweepOptions Options(SweepDesign design = SweepDesign.Random) => new() { Starts = ["s/a", "s/b", "s/c"], Train = "train.jsonl", Design = design };

    private static double[] Dial(HyperparameterSweep plan, string name) => [.. plan.Runs.Select(run => (double)run.Dials[name]!)];

    [Fact]
    public void Plan_draws_the_papers_values_without_repeating_itself()
    {
        HyperparameterSweep plan = HyperparameterSweep.Plan(Options());
        Assert.Equal(10, plan.Runs.Count);
        Assert.Equal(["rm-01", "rm-02"], plan.Runs.Take(2).Select(r => r.Name));
        Assert.Equal(["s/a", "s/b", "s/c", "s/a"], plan.Runs.Take(4).Select(r => r.Start));
        Assert.Equal([1e-5, 4e-5, 1e-4], Dial(plan, "learning_rate").Distinct().Order());
        Assert.Equal([0.05, 0.1], Dial(plan, "dropout").Distinct().Order());
        Assert.Equal(10, Dial(plan, "data_seed").Distinct().Count());
        Assert.Equal(10, plan.Runs.Select(r => (r.Start, (double)r.Dials["learning_rate"]!, (double)r.Dials["dropout"]!)).Distinct().Count());
        Assert.Equal(plan.ToJson(), HyperparameterSweep.Plan(Options()).ToJson());
        Assert.NotEqual(plan.ToJson(), HyperparameterSweep.Plan(Options() with { Seed = 1 }).ToJson());
        // More runs than combinations: each comes once before any comes again.
        HyperparameterSweep many = HyperparameterSweep.Plan(Options() with { Runs = 36 });
        Assert.All(many.Runs.GroupBy(r => (r.Start, (double)r.Dials["learning_rate"]!, (double)r.Dials["dropout"]!)), g => Assert.Equal(2, g.Count()));
        Assert.Empty(many.Remarks().Where(r => r.Contains("alike")));
    }

    [Fact]
    public void Plan_makes_grids_and_orders()
    {
        HyperparameterSweep grid = HyperparameterSweep.Plan(Options(SweepDesign.Grid) with { Repeats = 2 });
        Assert.Equal(36, grid.Runs.Count);
        Assert.Equal(18, grid.Runs.Select(r => (r.Start, (double)r.Dials["learning_rate"]!, (double)r.Dials["dropout"]!)).Distinct().Count());
        HyperparameterSweep order = HyperparameterSweep.Plan(Options(SweepDesign.Order) with { Starts = ["s/a"], Runs = 4 });
        Assert.Equal([1, 2, 3, 4], Dial(order, "data_seed"));
        Assert.All(order.Runs, run => Assert.Equal(("s/a", 4e-5, 0.05, 1), (run.Start, (double)run.Dials["learning_rate"]!, (double)run.Dials["dropout"]!, (int)run.Dials["seed"]!)));
        Assert.Contains("one of each", Assert.Throws<WarmException>(() => HyperparameterSweep.Plan(Options(SweepDesign.Order) with { LearningRates = [1e-5, 1e-4] })).Message);
        Assert.Contains("there are none", Assert.Throws<WarmException>(() => HyperparameterSweep.Plan(Options() with { Starts = [] })).Message);
        Assert.Contains("above 0", Assert.Throws<WarmException>(() => HyperparameterSweep.Plan(Options() with { LearningRates = [0] })).Message);
        Assert.Contains("from 0 to below 1", Assert.Throws<WarmException>(() => HyperparameterSweep.Plan(Options() with { Dropouts = [1] })).Message);
    }

    [Fact]
    public void Read_gives_what_Write_wrote()
    {
        HyperparameterSweep plan = HyperparameterSweep.Plan(Options()) with { Evaluate = "dev.jsonl", Trainer = new() { ["max_steps"] = 100, ["lr_scheduler_kwargs"] = new JsonObject { ["a"] = 1 } } };
        plan.Write(_folder["plan.json"]);
        Assert.Equal(plan.ToJson(), HyperparameterSweep.Read(_folder["plan.json"]).ToJson());
        Assert.Equal(plan.ToJson(), File.ReadAllText(_folder["plan.json"]));
        Assert.Contains("exists already", Assert.Throws<WarmException>(() => plan.Write(_folder["plan.json"])).Message);
        Assert.Equal(10, File.ReadLines(_folder["plan.json"]).Count(line => line.Contains("learning_rate"))); // a line a run
    }

    [Theory]
    [InlineData("{}", "\"runs\" is missing or empty")]
    [InlineData("""{"out":"o","train":"t","runs":[]}""", "\"runs\" is missing or empty")]
    [InlineData("""{"out":"o","runs":[{"name":"a","start":"s"}]}""", "\"train\" is missing")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s","learningrate":1}]}""", "unknown dial \"learningrate\"; a dial of TRL's RewardConfig, or dropout. Did you mean \"learning_rate\"?")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s","lr":1}]}""", "TRL calls it \"learning_rate\"")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s","attention_dropout":0.1}]}""", "the dial is called \"dropout\"")]
    [InlineData("""{"out":"o","train":"t","trainer":{"disable_dropout":true},"runs":[{"name":"a","start":"s"}]}""", "the dial \"dropout\" decides it")]
    [InlineData("""{"out":"o","train":"t","trainer":{"trust_remote_code":true},"runs":[{"name":"a","start":"s"}]}""", "never run")]
    [InlineData("""{"out":"o","train":"t","trainer":{"max_step":4},"runs":[{"name":"a","start":"s"}]}""", "trainer: unknown dial \"max_step\"")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s","learning_rate":"1e-5"}]}""", "\"learning_rate\" is \"1e-5\"; a finite number")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s","seed":-1}]}""", "a whole number from 0")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s","max_steps":10.5}]}""", "\"max_steps\" is 10.5; a whole number")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s","warmup_ratio":0.1}]}""", "transformers 5 calls it \"warmup_steps\"")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s","bf16":1}]}""", "true or false")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s","optim":"x\ny"}]}""", "a text of one line")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"../a","start":"s"}]}""", "beginning with a letter or digit")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a;b","start":"s"}]}""", "letters, digits")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s\nb"}]}""", "the folder of a model")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s"},{"name":"A","start":"s"}]}""", "2 runs are called a")]
    [InlineData("""{"out":"o","train":"t","runs":[{"name":"a","start":"s","seed":1,"seed":2}]}""", "stands twice")]
    [InlineData("""{"out":"o","train":"t","lr":[1],"runs":[{"name":"a","start":"s"}]}""", "unknown key \"lr\"")]
    [InlineData("""{"out":"o","train":"t","dtype":"float16","runs":[{"name":"a","start":"s"}]}""", "float32 or bfloat16")]
    [InlineData("[1]", "is a list")]
    [InlineData("""{"out":"o",""", "is not JSON")]
    public void Read_refuses_what_it_does_not_know(string json, string expected)
    {
        File.WriteAllText(_folder["plan.json"], json);
        WarmException refused = Assert.Throws<WarmException>(() => HyperparameterSweep.Read(_folder["plan.json"]));
        Assert.Contains(expected, refused.Message);
        Assert.StartsWith(_folder["plan.json"], refused.Where);
    }

    [ReferenceFact]
    public void Every_dial_has_the_name_that_real_runs_recorded()
    {
        var recorded = new HashSet<string>();
        int runs = 0;
        foreach (string file in Directory.GetFiles(Reference.Path("training", "runs"), "settings.json", SearchOption.AllDirectories))
        {
            System.Text.Json.JsonElement settings = JsonText.Read(file);
            if (settings.GetProperty("trainer").GetString() != "RewardTrainer") continue;
            runs++;
            System.Text.Json.JsonElement arguments = settings.GetProperty("arguments");
            recorded.UnionWith(arguments.EnumerateObject().Select(a => a.Name));
            // What a plan with that run's dials makes is what the run was given.
            string[] dials = ["learning_rate", "seed", "data_seed", "weight_decay", "num_train_epochs", "max_steps", "lr_scheduler_type", "warmup_steps", "adam_beta1", "max_length", "per_device_train_batch_size", "gradient_accumulation_steps", "max_grad_norm", "bf16", "center_rewards_coefficient", "optim"];
            var run = new JsonObject { ["name"] = "a", ["start"] = "s", ["dropout"] = 0 };
            foreach (string dial in dials) run[dial] = JsonNode.Parse(arguments.GetProperty(dial).GetRawText());
            File.WriteAllText(_folder["plan.json"], new JsonObject { ["out"] = "o", ["train"] = "t", ["runs"] = new JsonArray(run) }.ToJsonString());
            HyperparameterSweep plan = HyperparameterSweep.Read(_folder["plan.json"]);
            JsonNode made = SweepScripts.Arguments(plan, plan.Runs[0])["arguments"]!;
            foreach (string dial in dials.Append("disable_dropout")) Assert.Equal(arguments.GetProperty(dial).GetRawText(), made[dial]?.ToJsonString() ?? "null");
        }
        // report_to is TRL's as well; the settings leave it out.
        Assert.Empty(TrainerDials.Names.Except([.. recorded, TrainerDials.Dropout, "report_to"]));
        Assert.True(runs > 8);
        Reference.Count("sweeps: arguments of real runs", runs);
    }

    [Fact]
    public void Scripts_carry_every_dial_and_no_text_into_a_command()
    {
        var plan = new HyperparameterSweep
        {
            Out = "runs $(touch out)",
            Train = "pairs '; touch train; '.jsonl",
            Trainer = new() { ["max_steps"] = 10, ["dropout"] = 0.1, ["optim"] = "$(touch optim)" },
            Runs = [.. ((double?[])[null, 0, 0.3]).Select((dropout, i) => new TrainingRun { Name = $"rm-{i}", Start = "start `touch start` \"", Dials = dropout is null ? new() { ["seed"] = i } : new() { ["seed"] = i, ["dropout"] = dropout } })],
        };
        string scripts = _folder["it's $(touch folder); -x"];
        IReadOnlyList<EmittedRun> emitted = SweepScripts.Write(plan, SweepTarget.Shell, scripts);
        Assert.Equal([0.1, 0, 0.3], emitted.Select(run => (double)Json(run)["run"]!["dropout"]!));
        Assert.Equal([false, true, false], emitted.Select(run => (bool)Json(run)["arguments"]!["disable_dropout"]!));
        foreach (EmittedRun run in emitted)
        {
            JsonNode json = Json(run);
            Assert.Equal((10, (int)run.Run.Dials["seed"]!, run.Run.Name), ((int)json["arguments"]!["max_steps"]!, (int)json["arguments"]!["seed"]!, (string?)json["arguments"]!["run_name"]));
            Assert.Null(json["arguments"]!["dropout"]); // RewardConfig has none: it goes into the model's config
            Assert.Equal((Path.Combine(plan.Out, run.Run.Name), plan.Train, plan.Runs[0].Start), ((string?)json["out"], (string?)json["train"], (string?)json["run"]!["start"]));
        }
        if (!OperatingSystem.IsWindows())
        {
            // Run for real, with something harmless for Python: every word arrives as it is, and nothing of it is executed.
            string told = Shell(_folder.Path, $"WARM_LAUNCH=echo sh {SweepScripts.Quote(Path.Combine(scripts, "all.sh"))}");
            Assert.Equal(string.Concat(plan.Runs.Select(run => $"{scripts}/train_reward.py {scripts}/{run.Name}.json\n")), told);
            Assert.Equal($"{scripts}/train_reward.py\n{scripts}/rm-0.json\n", Shell(_folder.Path, $"python3() {{ printf '%s\\n' \"$@\"; }}; {emitted[0].Command}"));
            Assert.Equal([scripts], Directory.EnumerateFileSystemEntries(_folder.Path));
        }
        Assert.Contains("exists already", Assert.Throws<WarmException>(() => SweepScripts.Write(plan, SweepTarget.Shell, scripts)).Message);

        JsonNode Json(EmittedRun run) => JsonNode.Parse(File.ReadAllText(Path.ChangeExtension(run.Script, ".json")))!;
    }

    [Fact]
    public void Scripts_for_clusters_name_each_run()
    {
        HyperparameterSweep plan = HyperparameterSweep.Plan(Options() with { Runs = 2 });
        IReadOnlyList<EmittedRun> slurm = SweepScripts.Write(plan, SweepTarget.Slurm, _folder["my slurm"]);
        string batch = File.ReadAllText(slurm[1].Script);
        Assert.Contains("#SBATCH --job-name=rm-2\n", batch);
        Assert.EndsWith($"exec ${{WARM_LAUNCH:-python3}} '{_folder["my slurm"]}/train_reward.py' '{_folder["my slurm"]}/rm-2.json'\n", batch);
        Assert.Contains($"sbatch '{_folder["my slurm"]}/rm-1.sbatch'\n", File.ReadAllText(_folder["my slurm/submit.sh"]));
        Assert.Contains("--image", Assert.Throws<WarmException>(() => SweepScripts.Write(plan, SweepTarget.Kubernetes, _folder["k"])).Message);
        IReadOnlyList<EmittedRun> jobs = SweepScripts.Write(plan with { Runs = [plan.Runs[0] with { Name = "RM_1." }] }, SweepTarget.Kubernetes, _folder["k"], "registry/trl:1", "disk");
        JsonNode job = JsonNode.Parse(string.Join('\n', File.ReadLines(jobs[0].Script).Where(line => line[0] != '#')))!;
        Assert.Equal(("Job", "rm-1"), ((string?)job["kind"], (string?)job["metadata"]!["name"]));
        JsonNode container = job["spec"]!["template"]!["spec"]!["containers"]![0]!;
        Assert.Equal(["python3", $"{_folder["k"]}/train_reward.py", $"{_folder["k"]}/RM_1..json"], container["command"]!.AsArray().Select(word => (string?)word));
        Assert.Equal("registry/trl:1", (string?)container["image"]);
    }

    [Fact]
    public void The_training_script_is_python()
    {
        File.WriteAllText(_folder["train_reward.py"], TrainingScript.Text);
        string[] python = [.. ((string[])["/usr/bin/python3", "/usr/local/bin/python3"]).Where(File.Exists)];
        if (python.Length > 0) Assert.Equal("", Shell(_folder.Path, $"{python[0]} -c 'import ast; ast.parse(open(\"train_reward.py\").read())'"));
        Assert.Contains("disable_dropout", TrainingScript.Text);
    }

    [Fact]
    public void Collect_finds_finished_runs_and_names_the_others()
    {
        HyperparameterSweep plan = HyperparameterSweep.Plan(Options() with { Runs = 9 });
        string Begin(int run, string? folder = null, Action<JsonObject>? change = null)
        {
            string path = Directory.CreateDirectory(Path.Combine(_folder["runs"], folder ?? plan.Runs[run].Name)).FullName;
            JsonObject json = plan.Runs[run].ToJson();
            change?.Invoke(json);
            File.WriteAllText(Path.Combine(path, TrainingRun.FileName), json.ToJsonString());
            return path;
        }
        string Finish(string path)
        {
            TinyFolder.Write(path, TinyFolder.Values(1));
            return path;
        }
        void State(string path, int done) => File.WriteAllText(Path.Combine(Directory.CreateDirectory(path).FullName, "trainer_state.json"), $$"""{"global_step":{{done}},"max_steps":90}""");
        State(Finish(Begin(0)), 90);
        Finish(Begin(1, "elsewhere/moved", json => json["learning_rate"] = JsonNode.Parse(((double)json["learning_rate"]!).ToString("F6", System.Globalization.CultureInfo.InvariantCulture)))); // another folder, another spelling
        State(Path.Combine(Begin(2), "checkpoint-30"), 30);
        Begin(3);
        Finish(Begin(4, null, json => json["dropout"] = 0.5));
        Finish(Directory.CreateDirectory(_folder["runs/rm-6"]).FullName); // by its name alone
        File.WriteAllBytes(Path.Combine(Finish(Begin(6)), "model.safetensors"), new byte[12]);
        File.WriteAllText(Path.Combine(Begin(7), TrainingRun.FileName), "{\"name");
        IReadOnlyList<CollectedRun> found = plan.Collect(_folder["runs"]);
        Assert.Equal([RunState.Finished, RunState.Finished, RunState.Failed, RunState.Failed, RunState.Failed, RunState.Finished, RunState.Failed, RunState.Failed, RunState.Missing], found.Select(run => run.State));
        Assert.EndsWith("elsewhere/moved", found[1].Folder);
        Assert.Equal("stopped half-way: the last that was saved is step 30 of 90", found[2].Why);
        Assert.Contains("holds no whole model", found[3].Why);
        Assert.Contains("dropout 0.5 (planned ", found[4].Why);
        Assert.Contains("by its name alone", found[5].Remark);
        Assert.Contains("holds no whole model", found[6].Why);
        Assert.Contains("record cannot be read", found[7].Why);
        Assert.Contains("there is no rm-9", found[8].Why);
        Assert.Null(found[0].Why ?? found[0].Remark);

        using Checkpoint member = Checkpoint.Open(found[1].Folder!);
        Assert.Equal(plan.Runs[1], plan.RunOf(member));
        Assert.Equal(plan.Runs[1].Name, TrainingRun.Of(member)!.Name);
        Finish(Begin(0, "again"));
        Assert.Contains("holds the run rm-1, as ", Assert.Throws<WarmException>(() => plan.Collect(_folder["runs"])).Message);
        Assert.Contains("is not there", Assert.Throws<WarmException>(() => plan.Collect(_folder["nowhere"])).Message);
    }

    [Fact]
    public void Remarks_name_twins()
    {
        File.WriteAllText(_folder["plan.json"], """{"out":"o","train":"t","runs":[{"name":"a","start":"s","seed":1},{"name":"b","start":"s","seed":1},{"name":"c","start":"s","seed":2}]}""");
        string remark = Assert.Single(HyperparameterSweep.Read(_folder["plan.json"]).Remarks());
        Assert.StartsWith("a, b are alike", remark);
    }

    private static string Shell(string folder, string line)
    {
        using Process process = Process.Start(new ProcessStartInfo("/bin/sh") { ArgumentList = { "-c", line }, WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        string output = process.StandardOutput.ReadToEnd(), error = process.StandardError.ReadToEnd();
        Assert.True(process.WaitForExit(20_000));
        Assert.Equal("", error);
        return output;
    }
}

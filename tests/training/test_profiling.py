"""A profile lies beside what TensorBoard reads already, and a short run says that it has none."""

from tfgen.training import config, profiling, run


def settings(steps):
    return config.parse(
        {
            "model": {"name": "autoencoder", "image_shape": [8, 8, 1], "latent_dim": 2},
            "data": {"name": "digits", "batch_size": 8},
            "fit": {"epochs": 2, "steps_per_epoch": steps, "verbose": 0},
            "run": {"sample_epochs": None},
        }
    )


def profiles(folder):
    return list((folder / "tensorboard" / "plugins" / "profile").glob("*/*.xplane.pb"))


def test_some_executions_are_profiled_once(tmp_path):
    lines = []
    run.train(settings(6), tmp_path, lines.append, profile=3)
    (said,) = [line for line in lines if "3 executions" in line]
    assert said.startswith(f"{tmp_path}/tensorboard/plugins/profile: 3 executions")
    (path,) = profiles(tmp_path)
    assert b"gradient_tape/encoder" in path.read_bytes()  # Operations of the step.


def test_a_profile_ends_with_the_training_and_needs_some_of_it(tmp_path):
    lines = []
    run.train(settings(4), tmp_path / "long", lines.append, profile=50)
    assert len(profiles(tmp_path / "long")) == 1
    assert any(
        line.startswith(f"{tmp_path}/long/tensorboard/plugins/profile: 3 ") for line in lines
    )
    run.train(settings(2), tmp_path / "short", lines.append, profile=50)
    assert not profiles(tmp_path / "short")
    assert f"--profile: only 4 executions; it begins after {profiling.WARM}." in lines
